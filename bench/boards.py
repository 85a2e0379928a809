"""Boards of any size in PostgreSQL, filled by the database itself: a million entries in about a minute."""

from django.db import connection, transaction

from leaderboard.models import Benchmark, BenchmarkMetric, Dataset, Metric, Protocol, Split, Task
from leaderboard.services.boards.standings import note_facts

MOST_VERIFIED = 10_000
PAPERS = 1000
FAMILIES = ("ResNet", "DenseNet", "Inception", "ViT", "ConvNeXt", "EfficientNet", "Swin", "MobileNet")

# Numbers that look drawn but are the same each time; the golden ratio spreads them evenly.
SPREAD = "(i * 0.6180339887498949 - floor(i * 0.6180339887498949))"
SCORE = f"(40 + 55 * {SPREAD})::numeric(8, 3)::float8"
MODELS = """
INSERT INTO leaderboard_model (slug, name, architecture, parameters, multiply_adds, paper_id, created_at)
SELECT 'bench-{size}-' || i, ('{families}'::text[])[(1 + i % 8)::int] || '-' || i, '',
       (10 ^ (5.5 + 3.5 * (i * 7919 % 1000) / 1000.0))::bigint, (10 ^ (7 + 4 * (i * 104729 % 1000) / 1000.0))::bigint,
       {paper} + i % {papers}, now()
FROM generate_series(1::bigint, {size}) AS i
"""
WEIGHTS = """
INSERT INTO leaderboard_weights (model_id, framework, url, file, sha256, content_sha256, format, created_at)
SELECT {model} + i, CASE WHEN i % 10007 = 0 THEN 'MXNet' WHEN i % 10 < 6 THEN 'PyTorch'
       WHEN i % 10 < 9 THEN 'TensorFlow' ELSE 'JAX' END,
       'https://example.org/bench-{size}-' || i || '.pth', '', '', '', '', now()
FROM generate_series(1::bigint, {size}) AS i
"""
ENTRIES = """
INSERT INTO leaderboard_entry (benchmark_id, model_id, variant, preprocessing, code_urls, extra_data, status, verdict,
                               verified_at, is_hidden, hidden_reason, is_stale, created_at)
SELECT {benchmark}, {model} + i, 'PyTorch', jsonb_build_object('crop', 160 + 32 * (i % 8)), '[]',
       CASE WHEN i % 50 = 0 THEN 'JFT-300M' ELSE '' END,
       CASE WHEN i % {step} > 0 THEN 'claimed' WHEN i % ({step} * 10) = 0 THEN 'mismatch' ELSE 'verified' END,
       CASE WHEN i % {step} > 0 THEN 'none' WHEN i % ({step} * 10) = 0 THEN 'below' ELSE 'match' END,
       CASE WHEN i % {step} = 0 THEN now() END, false, '', false, now()
FROM generate_series(1::bigint, {size}) AS i
"""
LINKS = """
INSERT INTO leaderboard_entry_weights (entry_id, weights_id)
SELECT {entry} + i, {weights} + i FROM generate_series(1::bigint, {size}) AS i
"""
STANDINGS = """
INSERT INTO leaderboard_standing (entry_id, benchmark_id, metric_id, claimed, claimed_text, verified, low, high,
                                  order_value, is_visible, is_best, rank, rank_low, rank_high, parameters,
                                  multiply_adds, published_on, has_extra_data, is_mismatch)
SELECT {entry} + i, {benchmark}, {metric}, value, value::text, verified, verified - 0.3, verified + 0.3, value, true,
       place <= 5, rank, greatest(1, rank - 20), rank + 20, model.parameters, model.multiply_adds, paper.published_on,
       i % 50 = 0, i % ({step} * 10) = 0
FROM (SELECT i, value, place, CASE WHEN i % {step} = 0 THEN value END AS verified,
             CASE WHEN i % {step} = 0 THEN rank() OVER (PARTITION BY i % {step} = 0 ORDER BY value DESC) END AS rank
      FROM (SELECT i, value, rank() OVER (ORDER BY value DESC) AS place
            FROM (SELECT i, {score} AS value FROM generate_series(1::bigint, {size}) AS i) AS scores) AS placed) AS rows
JOIN leaderboard_model AS model ON model.id = {model} + i JOIN leaderboard_paper AS paper ON paper.id = model.paper_id
"""


def fill(size: int) -> Benchmark:
    """Return a board of so many entries, of which at most ten thousand are verified."""
    benchmark = make_benchmark(size)
    with transaction.atomic(), connection.cursor() as cursor:
        paper = make_papers(size)
        values: dict[str, object] = {
            "size": size,
            "benchmark": benchmark.pk,
            "families": "{" + ",".join(FAMILIES) + "}",
            "papers": PAPERS,
            "paper": paper,
            "step": max(2, size // MOST_VERIFIED),
            "score": SCORE,
        }
        for name, statement in (("model", MODELS), ("weights", WEIGHTS), ("entry", ENTRIES), ("", LINKS)):
            values[name] = find_last(f"leaderboard_{name}") if name else 0
            cursor.execute(statement.format(**values))
        for metric in benchmark.metrics.all():
            cursor.execute(STANDINGS.format(**values | {"metric": metric.pk}))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    note_facts(benchmark)
    return benchmark


def make_benchmark(size: int) -> Benchmark:
    slug = f"bench-{size}"
    task, _ = Task.objects.get_or_create(slug="bench", defaults={"name_en": "Bench"})
    dataset = Dataset.objects.create(slug=slug, name=f"Board of {size:,}")
    digest = "sha256:" + "0" * 64
    split = Split.objects.create(dataset=dataset, name="test", samples=50_000, classes=1000, path="/-", digest=digest)
    protocol, _ = Protocol.objects.get_or_create(slug="bench", defaults={"name_en": "single crop"})
    benchmark = Benchmark.objects.create(slug=slug, task=task, split=split, protocol=protocol)
    for position, key in enumerate(("top1", "top5")):
        defaults = {"label": f"Acc@{key[-1]}", "unit": "%", "direction": "higher", "minimum": 0, "maximum": 100}
        metric, _ = Metric.objects.get_or_create(key=key, defaults=defaults)
        BenchmarkMetric.objects.create(benchmark=benchmark, metric=metric, position=position)
    return benchmark


def make_papers(size: int) -> int:
    """Return the key of the first of a thousand papers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leaderboard_paper (url, title, authors, published_on)"
            " SELECT 'https://example.org/paper-%s-' || i, 'Paper ' || i, '', date '2012-01-01' + i * 5"
            " FROM generate_series(1, %s) AS i RETURNING id",
            [size, PAPERS],
        )
        return int(cursor.fetchone()[0])


def find_last(table: str) -> int:
    """Return the key before the next row's, which the sequence of a fresh database gives in order."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")
        return int(cursor.fetchone()[0])
