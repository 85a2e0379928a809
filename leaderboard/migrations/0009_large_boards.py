"""Boards of a million entries: mismatches in order, names found by their parts, ranks written beside the indexes."""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models

# In the form in which Django asks for `icontains`: UPPER(column) LIKE UPPER(pattern).
TRIGRAMS = (
    ("model_name", "leaderboard_model", "name"),
    ("model_architecture", "leaderboard_model", "architecture"),
    ("paper_title", "leaderboard_paper", "title"),
    ("paper_authors", "leaderboard_paper", "authors"),
    ("dataset_name", "leaderboard_dataset", "name"),
)
# A new leader moves every rank below it. With room left on each page the new row stands beside the old one, and none
# of the indexes, which hold no rank, has to learn of it.
ROOM = "ALTER TABLE leaderboard_standing SET (fillfactor = {})"


def run(schema_editor, statements):
    if schema_editor.connection.vendor == "postgresql":
        for statement in statements:
            schema_editor.execute(statement)


def prepare(apps, schema_editor):
    uppers = [f"CREATE INDEX trigrams_{n} ON {t} USING gin (UPPER({c}::text) gin_trgm_ops)" for n, t, c in TRIGRAMS]
    run(schema_editor, [*uppers, ROOM.format(70)])


def undo(apps, schema_editor):
    run(schema_editor, [*(f"DROP INDEX trigrams_{name}" for name, _table, _column in TRIGRAMS), ROOM.format(100)])


def mark_stale(apps, schema_editor):
    """Let the next reader of each board derive what its standings do not say yet."""
    apps.get_model("leaderboard", "BoardFacts").objects.update(is_stale=True)


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0008_parts_of_runs")]

    operations = [
        migrations.AddField("standing", "is_mismatch", models.BooleanField(default=False)),
        migrations.AddIndex(
            "standing",
            models.Index(
                models.F("benchmark"),
                models.F("metric"),
                models.OrderBy(models.F("order_value"), descending=True),
                models.F("entry"),
                condition=models.Q(("is_mismatch", True), ("is_visible", True)),
                name="mismatch_order",
            ),
        ),
        migrations.AddIndex("weights", models.Index(fields=["framework"], name="weights_framework")),
        TrigramExtension(),
        migrations.RunPython(prepare, undo),
        migrations.RunPython(mark_stale, migrations.RunPython.noop, elidable=True),
    ]
