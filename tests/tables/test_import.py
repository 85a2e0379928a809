"""The importer on the tables that the field really wrote, and on the seed that comes with the project."""

import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.core.serializers import serialize
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from leaderboard.models import Benchmark, Claim, Dataset, Entry, Model, Resource, Standing, Task, Weights
from leaderboard.services.boards.findings import find_findings
from leaderboard.services.catalogue import imports
from leaderboard.services.moderating import repairs
from leaderboard.tables.reading import read_catalogue
from leaderboard.tables.scores import read_image_size
from leaderboard.tables.vocabulary import describe_metric, make_slug
from tests.factories import make_user

pytestmark = pytest.mark.django_db

SEED = Path("leaderboard/seed/catalogue.json")
CHINESE = "seed/image_classification.zh.md"
ENGLISH = "sota-cv/content/image_classification.md"


def take(path: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("import_leaderboard", str(path), *options, stdout=out)
    return out.getvalue()


def dump() -> str:
    """Return every row of the catalogue's tables."""
    return "\n".join(
        serialize("json", model._default_manager.order_by("pk"))
        for model in apps.get_app_config("leaderboard").get_models()
    )


@pytest.fixture(params=[CHINESE, ENGLISH, "catalogue.json"])
def table(request: pytest.FixtureRequest) -> Path:
    """The same table in three forms."""
    if request.param == SEED.name:
        return SEED
    shared_data: Path = request.getfixturevalue("shared_data")
    return shared_data / str(request.param)


def test_every_row_and_link_arrives(table: Path) -> None:
    take(table)
    imagenet = Benchmark.objects.get(slug="imagenet-val-single-crop")
    assert imagenet.entries.count() == 20
    assert Weights.objects.count() == 21
    assert Model.objects.count() == 15
    assert Claim.objects.count() == 40
    assert {claim.text for claim in Claim.objects.filter(entry__model__name="DenseNet-121")} == {"82.858", "92.290"}
    assert Resource.objects.count() == 2
    assert imagenet.highlight_count == 5


def test_both_datasets_arrive_with_their_metrics(table: Path) -> None:
    take(table)
    keys = {
        benchmark.split.dataset.slug: [metric.key for metric in benchmark.metrics.all()]
        for benchmark in Benchmark.objects.select_related("split__dataset")
    }
    assert keys == {"imagenet": ["top1", "top5"], "pascal-voc-classification": ["score"]}
    assert Dataset.objects.get(slug="pascal-voc-classification").splits.get().name == "test"


def test_two_links_in_a_row_are_one_entry_and_two_rows_are_two(table: Path) -> None:
    take(table)
    third = Entry.objects.get(model__name="Inception-v3")
    assert {weights.framework for weights in third.weights.all()} == {"TensorFlow", "PyTorch"}
    assert set(Entry.objects.filter(model__name="Inception-v4").values_list("variant", flat=True)) == {
        "TensorFlow",
        "PyTorch",
    }


def test_imported_scores_are_claims_and_stand_unranked(table: Path) -> None:
    take(table)
    assert set(Entry.objects.values_list("status", "verdict")) == {("claimed", "none")}
    assert not Standing.objects.exclude(rank=None, verified=None).exists()
    best = Standing.objects.filter(metric__key="top5", is_best=True).order_by("-order_value")
    assert [standing.claimed for standing in best] == [96.182, 96.163, 96.086, 95.992, 95.53]


def test_importing_twice_changes_nothing(table: Path) -> None:
    take(table)
    before = dump()
    assert "nothing changed" in take(table)
    assert dump() == before


@pytest.mark.parametrize("name", [CHINESE, ENGLISH])
def test_placeholder_row_is_named_with_line_and_reason(shared_data: Path, name: str) -> None:
    path = shared_data / name
    out = take(path)
    (said,) = [text for text in out.splitlines() if text.startswith("not taken")]
    number = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("| Model name"))
    assert said.startswith(f"not taken, line {number}: Model name | 0.5")
    assert said.endswith("the row is the template's placeholder, not a model")
    assert Benchmark.objects.get(split__dataset__slug="pascal-voc-classification").entries.count() == 0


@pytest.mark.parametrize("names", [(CHINESE, ENGLISH), (ENGLISH, CHINESE)])
def test_two_languages_make_one_catalogue(shared_data: Path, names: tuple[str, str]) -> None:
    first = take(shared_data / names[0])
    second = take(shared_data / names[1])
    assert "20 entry" in first
    assert "created" not in second
    assert read_texts("en") == ("Image classification", "Top-1 Accuracy", "Single model, single crop")
    assert read_texts("zh-hans") == ("图像分类", "Top1准确度", "单模型，单作物")
    assert (Entry.objects.count(), Claim.objects.count(), Weights.objects.count()) == (20, 40, 21)


def read_texts(language: str) -> tuple[str, ...]:
    """Return the task's name, one line of its description, and how the benchmark's begins, as a reader sees them."""
    with translation.override(language):
        task, benchmark = Task.objects.get(), Benchmark.objects.get(slug__contains="imagenet")
        metric = next(line for line in task.description.splitlines() if "1" in line)
        return task.name, metric.lstrip("-* "), re.split(r"[.。]", benchmark.description)[0]


def test_markdown_completes_the_seed_without_a_second_row(shared_data: Path) -> None:
    take(SEED)
    counts = (Entry.objects.count(), Claim.objects.count(), Weights.objects.count(), Resource.objects.count())
    assert "created" not in take(shared_data / CHINESE)
    assert "created" not in take(shared_data / ENGLISH)
    assert counts == (Entry.objects.count(), Claim.objects.count(), Weights.objects.count(), Resource.objects.count())


def test_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    before = dump()
    assert "would be created: 2 benchmark, 40 claim" in take(SEED, "--dry-run")
    assert dump() == before


@pytest.mark.parametrize("name", ["object_detection", "semantic_segmentation"])
def test_other_task_pages_are_taken_twice_without_a_change(shared_data: Path, name: str) -> None:
    path = shared_data / f"sota-cv/content/{name}.md"
    take(path)
    assert Entry.objects.exists()
    before = dump()
    assert "nothing changed" in take(path)
    assert dump() == before


@pytest.mark.parametrize(("name", "tables", "rows"), [("chexpert", 1, 175), ("ogb", 15, 244), ("snli", 1, 64)])
def test_papers_with_code_tables_arrive_whole(shared_data: Path, name: str, tables: int, rows: int) -> None:
    path = shared_data / f"pwc/{name}.json"
    assert "not taken" not in take(path)
    assert (Benchmark.objects.count(), Entry.objects.count()) == (tables, rows)
    assert take(path) == "nothing changed\n"


def test_timm_table_is_taken_twice_without_a_change(shared_data: Path) -> None:
    path = shared_data / "timm/results-imagenet.csv"
    take(path)
    assert Entry.objects.count() == 1556
    assert Claim.objects.count() == 2 * 1556
    assert "nothing changed" in take(path)
    assert Claim.objects.count() == 2 * 1556


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("need_postgresql")
def test_import_while_its_tables_are_seen_empty_ends(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that a rehearsal left behind bring the database's own look at the tables, before this import is through."""
    taking = imports.Importer.take_benchmark

    def look_meanwhile(*arguments: Any) -> Benchmark:
        taken = taking(*arguments)
        beside = connection.copy()
        with beside.cursor() as cursor:
            cursor.execute("VACUUM leaderboard_entry, leaderboard_weights, leaderboard_entry_weights")
        beside.close()
        return taken

    monkeypatch.setattr(imports.Importer, "take_benchmark", look_meanwhile)
    lines = (shared_data / "timm/results-imagenet.csv").read_text().splitlines(keepends=True)
    path = tmp_path / "results-imagenet.csv"
    path.write_text("".join(lines[:701]))
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '10s'")
        try:
            take(path)
        finally:
            cursor.execute("RESET statement_timeout")
    assert Entry.objects.count() == 700


BROKEN = {
    "empty.md": (b"", "holds no table under a heading"),
    "prose.md": (b"# Title\n\nNothing here.\n", "holds no table under a heading"),
    "columns.md": (b"# T\n\n| A | B |\n|--|--|\n| 1 | 2 |\n", "holds no table with a Model column"),
    "latin.md": ("# Bäume".encode("latin-1"), "is not UTF-8 text"),
    "cut.json": (b'{"format": "veriboard-catalogue", "tasks": [', "is no veriboard-catalogue"),
    "other.json": (b'{"a": 1}', "is no evaluation-tables file"),
    "null.json": (b"[null]", "is no evaluation-tables file"),
    "none.json": (b"[]", "holds no table of results"),
    "type.json": (b'{"format": "veriboard-catalogue", "source": "x", "tasks": [3]}', "is no veriboard-catalogue"),
    "lacks.csv": (b"model,top1\nx,1\n", "lacks the column 'top5'"),
    "bare.csv": (b"model,top1,top5\n", "holds no rows"),
    "deep.json": (b"[" * 100_000, "is nested deeper than any table"),
    "null.md": (b"# T\0\n", "holds null bytes"),
    "half.json": (b'[{"task": "Ima', "is no JSON, or cut short: line 1 cannot be read"),
    "cut.csv.gz": (gzip.compress(b"model,top1,top5\n")[:-9], "was cut short"),
    "damaged.csv.gz": (b"\x1f\x8b damaged", "is a damaged .gz"),
    "field.csv": (b"model,top1,top5\n" + b"x" * 140_000 + b",1,2\n", "cannot be read in line 2"),
    "scoreless.md": (
        b"# T\n\n| Model | Paper |\n|--|--|\n| A | B |\n",
        "holds no table with a Model column and scores",
    ),
    "odd.json": (b'[{"task": 3, "datasets": {"a": 1}}]', "a list of tasks with their datasets"),
    "open.yml": (b"model-index:\n- name: [x\n", "is no YAML at line 3"),
    "bare.yml": (b"model-index: 3\n", "holds no model-index with results"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_table_is_refused_with_one_sentence(tmp_path: Path, name: str) -> None:
    content, sentence = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        take(path)
    said = str(refused.value)
    assert sentence in said
    assert name in said
    assert "\n" not in said
    assert said.endswith(".")
    assert not Task.objects.exists()


def test_missing_file_is_refused_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.md cannot be read: No such file or directory\.$"):
        take(tmp_path / "nowhere.md")


CARD = """---
license: mit
model-index:
- name: Net-18
  results:
  - task: {type: image-classification}
    dataset: {name: ImageNet-1k, type: ILSVRC/imagenet-1k, split: validation}
    metrics:
    - {type: accuracy, value: 81.20, name: Top 1 Accuracy, verified: true}
  - task: {type: image-classification}
    dataset: {name: ImageNet-1k, type: ILSVRC/imagenet-1k, split: validation}
    metrics:
    - {type: top_5_accuracy, value: 95.1 %}
  - task: {type: image-classification}
    dataset: {name: ImageNet-1k, type: ILSVRC/imagenet-1k, split: validation}
    metrics:
    - {type: accuracy, value: 80}
  - task: {type: image-classification}
    dataset: {name: Flowers, type: flowers}
    metrics:
    - {type: accuracy, value: .nan}
    - {type: accuracy, value: !!python/object/apply:os.system [id]}
  - metrics: [{type: accuracy, value: 3}]
---
# Net-18

| not | read |
|-----|------|
"""


@pytest.mark.parametrize("name", ["README.md", "index.yml"])
def test_model_index_is_taken_as_claims_and_twice_without_a_change(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(CARD if name == "README.md" else CARD.split("---")[1])
    reasons = [line.partition(": ")[2] for line in take(path).splitlines() if line.startswith("not taken")]
    assert reasons == [
        "Net-18: Acc@1 is '.nan', which is no number",
        "Net-18: the row names no task or no dataset",
    ]
    board = Benchmark.objects.get()
    assert board.slug == "imagenet-1k-val"
    entry, other = board.entries.order_by("pk")
    assert [claim.text for claim in other.claims.all()] == ["80"]
    assert (entry.model.name, entry.status, board.split.name) == ("Net-18", "claimed", "validation")
    assert {claim.metric.key: claim.text for claim in entry.claims.all()} == {"top1": "81.20", "top5": "95.1"}
    before = dump()
    assert take(path).startswith("nothing changed")
    assert dump() == before


EXPORTS = pytest.mark.parametrize(
    ("format", "name"), [("pwc", "b.json"), ("markdown", "b.md"), ("model-index", "b.yml")]
)
SIZES = """model,img_size,top1,top5,param_count,crop_pct,interpolation
net.a,224,80.1,95.2,11.0,0.875,bicubic
net.a,288,81,95.9,11.0,1.000,bicubic
net.b,224,79.25,,4.2,0.95,bilinear
"""


def export(board: Benchmark, format: str, path: Path) -> Path:
    with path.open("w") as file:
        call_command("export_leaderboard", board.slug, format=format, stdout=file)
    return path


def test_repairs_outlast_another_import(tmp_path: Path) -> None:
    take(SEED)
    board = Benchmark.objects.get(slug__contains="imagenet")
    admin = make_user("wei", is_staff=True)
    while repairable := [finding for finding in find_findings(board) if finding.repair]:
        repairs.accept(board, repairable[0].digest, by=admin, at=timezone.now(), reason="The source has it so.")
    before = dump()
    assert take(SEED).startswith("nothing changed")
    assert dump() == before


def test_further_columns_and_tables_of_one_name_are_left_out_with_their_reasons(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "# Image classification\n\n## CIFAR-10\n\n| Model | Top-1 | Acc@1 | Acc@5 |\n|---|---|---|---|\n"
        "| Net | 91.5 | 92.5 | 99.1 |\n\nTen crops\n\n| Model | Acc@1 |\n|---|---|\n| Net | 93.5 |\n"
    )
    said = take(path)
    assert "a further column of Acc@1; give it a name of its own" in said
    assert "a further table under one heading; give it a heading of its own" in said
    assert read_claims() == {"Net": ["91.5", "99.1"]}


@pytest.mark.parametrize(
    ("header", "direction"),
    [
        *(("FID", "lower"), ("FID ↓", "lower"), ("MAE", "lower"), ("Error (%)", "lower"), ("参数量", "lower")),
        *(("Real-time FPS", "higher"), ("Lossless PSNR", "higher"), ("Score (↑)", "higher"), ("Runtime (s)", "lower")),
    ],
)
def test_direction_of_a_column_is_known_by_its_name(header: str, direction: str) -> None:
    metric = describe_metric(header)
    assert metric.direction == direction
    assert not set("↑↓") & set(metric.label)


def test_card_tells_its_accuracies_apart(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(
        "---\nmodel-index:\n- name: Net\n  results:\n"
        "  - task: {type: image-classification}\n    dataset: {type: cifar10}\n"
        "    metrics: [{type: accuracy, value: 95.1, name: Top 5 Accuracy}, {type: accuracy, value: 80.1}]\n---\n"
    )
    take(path)
    assert read_claims() == {"Net": ["80.1", "95.1"]}


@pytest.mark.parametrize("count", ["inf", "-5", "1e30", "nan", "x"])
def test_impossible_parameters_leave_their_row_out(tmp_path: Path, count: str) -> None:
    path = tmp_path / "results-imagenet.csv"
    path.write_text(f"model,top1,top5,param_count\nnet.a,80.1,95.2,{count}\nnet.b,79.1,95,11.2\n")
    assert "param_count is" in take(path)
    assert read_claims() == {"net.b": ["79.1", "95"]}


@EXPORTS
def test_own_export_says_nothing_new(table: Path, tmp_path: Path, format: str, name: str) -> None:
    take(table)
    before = dump()
    for board in Benchmark.objects.filter(entries__isnull=False).distinct():
        take(export(board, format, tmp_path / name))
        assert dump() == before


@EXPORTS
def test_image_sizes_tell_rows_of_a_model_apart_and_are_kept(tmp_path: Path, format: str, name: str) -> None:
    path = tmp_path / "results-imagenet.csv"
    path.write_text(SIZES)
    take(path)
    before, board = dump(), Benchmark.objects.get()
    stated = {entry.variant: entry.preprocessing for entry in board.entries.filter(model__name="net.a")}
    assert stated == {
        "PyTorch 224 px": {"resize": 256, "crop": 224, "interpolation": "bicubic"},
        "PyTorch 288 px": {"resize": 288, "crop": 288, "interpolation": "bicubic"},
    }
    exported = export(board, format, tmp_path / name)
    rows = read_catalogue(exported.read_bytes(), filename=name).tasks[0].benchmarks[0].entries
    assert [(row.model, row.image_size, row.scores["top1"].text) for row in rows] == [
        ("net.a", 288, "81" if format != "model-index" else "81.0"),
        ("net.a", 224, "80.1"),
        ("net.b", 224, "79.25"),
    ]
    take(exported)
    assert dump() == before


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("224", 224), ("288 px", 288), ("32x32", 32), ("512 × 512", 512), ("", None), ("256 x 128", None)),
        *(("0", None), ("-224", None), ("9000", None), ("true", None), ("2" * 400, None)),
    ],
)
def test_image_size_is_read_or_left_out(text: str, size: int | None) -> None:
    assert read_image_size(text) == size


@pytest.mark.parametrize(
    ("task", "dataset", "sentence"),
    [
        ("T" * 201, "D", "The name of a task is longer than 200 characters"),
        ("T", "D" * 201, "The name of a dataset is longer than 200 characters"),
        ("T\0", "D", "The name of a task holds a null byte"),
        ("T", "\ud800", "holds a null byte or half a character"),
    ],
)
def test_name_that_no_database_holds_is_refused(tmp_path: Path, task: str, dataset: str, sentence: str) -> None:
    path = tmp_path / "tables.json"
    sota = {"metrics": ["Top 1 Accuracy"], "rows": [{"model_name": "M", "metrics": {"Top 1 Accuracy": "80"}}]}
    path.write_text(json.dumps([{"task": task, "datasets": [{"dataset": dataset, "sota": sota}]}]))
    with pytest.raises(CommandError, match=sentence):
        take(path)
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("ImageNet-1k (V2)", "imagenet-1k-v2"),
        ("Café_101", "cafe-101"),
        ("手写数字", "bbef9200"),
        ("手写 10", "10-974caf8c"),
        ("人脸 10", "10-710726bd"),
        ("—", ""),
    ],
)
def test_slug_is_part_of_an_address_whatever_the_script(name: str, slug: str) -> None:
    assert make_slug(name) == slug


OTHER_SCRIPTS = """# 文字识别

## 手写汉字

| 模型 | 准确率 |
|---|---|
| 残差网络 | 93.1 |

## Café

| Model | Acc@1 |
|---|---|
| Net | 70.1 |
"""


def test_names_in_other_scripts_have_pages(tmp_path: Path, client: Client) -> None:
    path = tmp_path / "文字识别.md"
    path.write_text(OTHER_SCRIPTS)
    take(path)
    boards = Benchmark.objects.all()
    assert len(boards) == 2
    pages: list[Benchmark | Task | Dataset | Model] = [
        *boards,
        *Task.objects.all(),
        *Dataset.objects.all(),
        *Model.objects.all(),
    ]
    for address in ("/", "/tasks/", "/datasets/", *(page.get_absolute_url() for page in pages)):
        assert client.get(address).status_code == 200, address
    assert client.get(f"/api/v1/benchmarks/{boards[0].slug}/leaderboard/").status_code == 200


def write_own(path: Path, **changes: object) -> Path:
    """Write a small catalogue in our own form; `changes` replace parts of its task."""
    board = {
        **{"slug": "board", "dataset": {"slug": "d", "name": "D", "split": "test"}},
        **{"protocol": {"slug": "p", "name": {"en": "P"}}, "metrics": [{"key": "top1", "label": "Acc@1"}]},
        "entries": [{"model": "Net", "scores": {"top1": {"value": 70, "text": "70.0"}}}],
    }
    task = {"slug": "task", "name": {"en": "Task"}, "benchmarks": [board | changes]}
    path.write_text(json.dumps({"format": "veriboard-catalogue", "source": "test", "tasks": [task]}))
    return path


OFF = {
    "protocol": ({"slug": "p", "name": "P"}, r'protocol\.name is "P", not as described'),
    "dataset": ({"slug": "d", "name": {"fr": "D"}, "split": "test"}, r"dataset\.name is .*, not a text"),
    "description": ({"fr": "Texte"}, "has the language 'fr'; en and zh-hans are known"),
    "highlight_count": (True, "highlight_count is true, not a whole number"),
    "colour": ("red", "has 'colour', which is unknown"),
    "metrics": ([], "board has no metric 'top1', which Net states"),
    "entries": (
        [{"model": "Net", "scores": {"top1": {"value": "x", "text": ""}}}],
        r'top1\.value is "x", not a number',
    ),
}


@pytest.mark.parametrize("part", OFF)
def test_part_of_our_own_form_that_is_off_is_named(tmp_path: Path, part: str) -> None:
    take(write_own(tmp_path / "right.json"))
    value, sentence = OFF[part]
    with pytest.raises(CommandError, match=sentence):
        take(write_own(tmp_path / "off.json", **{part: value}))
    assert Claim.objects.count() == 1


@pytest.mark.parametrize("slug", ["image classification", "-"])
def test_slug_in_our_own_form_that_is_no_address_is_refused(tmp_path: Path, slug: str) -> None:
    path = tmp_path / "catalogue.json"
    path.write_text(SEED.read_text().replace('"slug": "image-classification"', f'"slug": "{slug}"'))
    with pytest.raises(CommandError, match="The slug of a task is no part of an address"):
        take(path)


ROWS = """# Image classification

## ImageNet

| Model | Acc@1 | Acc@5 | Weights | Paper |
|---|---|---|---|---|
| Good | 70.1 | 90.2 | [PyTorch](https://example.org/good.pth) | [paper](https://arxiv.org/abs/1512.03385) |
| Words | high | 90.0 | | |
| Above | 170.1 | 90.2 | | |
| Infinite | inf | 90.2 | | |
| Silent | n/a | | | |
| Script | 60.0 | 80.0 | [PyTorch](javascript:alert(1)) | [paper](data:text/html,x) |
| Good | 70.1 | 90.2 | [PyTorch](https://example.org/good.pth) | |
"""


def test_rows_that_cannot_be_are_left_out_with_their_reasons(tmp_path: Path) -> None:
    path = tmp_path / "image_classification.md"
    path.write_text(ROWS + f"| {'x' * 201} | 1 | 2 | | |\n| Far | 1 | 2 | [a](https://a.org/{'x' * 1000}) | |\n")
    reasons = [line.partition(": ")[2] for line in take(path).splitlines() if line.startswith("not taken")]
    assert len(reasons) == 6
    assert any("Acc@1 is 'high', which is no number" in reason for reason in reasons)
    assert any("Acc@1 170.1 lies outside 0 to 100" in reason for reason in reasons)
    assert any("'inf', which is no number" in reason for reason in reasons)
    assert any("the row states no score" in reason for reason in reasons)
    assert any("name is longer than 200 characters" in reason for reason in reasons)
    assert any("an address is longer than 1000 characters" in reason for reason in reasons)
    assert set(Model.objects.values_list("name", flat=True)) == {"Good", "Script"}
    assert list(Weights.objects.values_list("url", flat=True)) == ["https://example.org/good.pth"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        *(("残差网络-50", "密集网络-50"), ("VAE", "β-VAE"), ("Inception v3", "Inception v3+"), ("ResNet", "ResNet*")),
        *(("Net 1.1", "Net 11"), ("ViT-L/16", "ViT-L16"), ("N" * 150, "N" * 151), ("模型甲", "模型乙")),
    ],
)
def test_models_of_two_names_are_two_wherever_they_come_from(tmp_path: Path, name: str, other: str) -> None:
    starred = other.replace("*", r"\*")
    take(write_board(tmp_path / "a.md", f"{name} | 93.1 | 99.1 |", f"{starred} | 92.1 | 98.1 |"))
    slugs = dict(Model.objects.values_list("name", "slug"))
    assert len(set(slugs.values())) == 2
    for each, slug in slugs.items():
        assert Model.find_slug(each) == slug


@pytest.mark.parametrize(("name", "other"), [("ResNet-50", "ResNet 50"), ("ResNet-50", "resnet_50"), ("Net+", "Net +")])
def test_blanks_case_and_punctuation_make_no_other_model(tmp_path: Path, name: str, other: str) -> None:
    take(write_board(tmp_path / "a.md", f"{name} | 93.1 | 99.1 |"))
    assert Model.find_slug(other) == Model.objects.get().slug


def test_model_keeps_the_address_that_it_has(tmp_path: Path) -> None:
    path = write_board(tmp_path / "a.md", "Net 1.1 | 93.1 | 99.1 |")
    take(path)
    Model.objects.update(slug="net-11")
    assert take(path).startswith("nothing changed")


def write_board(path: Path, *rows: str, columns: str = "Model | Acc@1 | Acc@5 | Weights") -> Path:
    path.write_text(f"# Image classification\n\n## CIFAR-10\n\n| {columns} |\n|{'---|' * (columns.count('|') + 1)}\n")
    with path.open("a") as file:
        file.writelines(f"| {row} |\n" for row in rows)
    return path


def read_claims() -> dict[str, list[str]]:
    return {
        entry.model.name: [claim.text for claim in entry.claims.order_by("metric__key")]
        for entry in Entry.objects.all()
    }


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        ("９３．１ | ９９％", ["93.1", "99"]),
        ("<b>93.1</b> | 99.0<br>", ["93.1", "99.0"]),
        ("93.1 ± 0.2 | 99.1+/-0.1", ["93.1", "99.1"]),
        ("[93.1](https://example.org) | **99** %", ["93.1", "99"]),
        ("please tell us | 99", ["99"]),
    ],
)
def test_scores_are_read_as_people_write_them(tmp_path: Path, cells: str, texts: list[str]) -> None:
    assert "not taken" not in take(write_board(tmp_path / "a.md", f"Net | {cells} |"))
    assert read_claims() == {"Net": texts}


@pytest.mark.parametrize("cell", ["95,1", "9_5.1", "95.1*", "95.1<sup>2</sup>", "95.1 (0.2)"])
def test_score_that_may_be_meant_otherwise_is_not_guessed(tmp_path: Path, cell: str) -> None:
    out = take(write_board(tmp_path / "a.md", f"Net | {cell} | 99 |", "Other | 94.1 | 99 |"))
    assert f"Acc@1 is {cell!r}, which is no number" in out
    assert read_claims() == {"Other": ["94.1", "99"]}


@pytest.mark.parametrize(
    "header", ["Top-1 (%)", "Top 1 Acc.", "Acc@1, %", "accuracy@1", "准确率@1", "前1准确率 (%)", "Top1准确度"]
)
def test_first_accuracy_has_one_key_whatever_it_is_called(tmp_path: Path, header: str) -> None:
    take(write_board(tmp_path / "a.md", "Net | 93.1", columns=f"模型名称 | {header}"))
    assert Claim.objects.get().metric.key == "top1"


@pytest.mark.parametrize(
    ("header", "cell", "expected"),
    [
        ("Params (M)", "25.6", 25_600_000),
        ("#Params", "25.6M", 25_600_000),
        ("Parameters [B]", "1.2", 1_200_000_000),
        ("Params (M)", "1.2B", 1_200_000_000),
        ("Params (M)", "２５.６Ｍ", 25_600_000),
        ("Number of params", "25,557,032", 25_557_032),
        ("参数量（百万）", "25.6", 25_600_000),
        ("参数量", "25.6M", 25_600_000),
    ],
)
def test_column_of_parameters_is_a_fact_of_the_model(tmp_path: Path, header: str, cell: str, expected: int) -> None:
    table = (
        f"# Task\n\n## ImageNet\n\n| Model | Acc@1 | {header} |\n|-|-|-|\n| Net | 70.0 | {cell} |\n| Odd | 60 | – |\n"
    )
    (tmp_path / "table.md").write_text(table)
    call_command("import_leaderboard", str(tmp_path / "table.md"), verbosity=0)
    assert dict(Model.objects.values_list("name", "parameters")) == {"Net": expected, "Odd": None}
    assert [metric.key for metric in Benchmark.objects.get().metrics.all()] == ["top1"]


def test_column_of_parameters_without_a_unit_stays_what_it_was(tmp_path: Path) -> None:
    (tmp_path / "table.md").write_text(
        "# Task\n\n## ImageNet\n\n| Model | Acc@1 | Params |\n|-|-|-|\n| Net | 70.0 | 25.6 |\n"
    )
    call_command("import_leaderboard", str(tmp_path / "table.md"), verbosity=0)
    assert Model.objects.get().parameters is None
    assert {metric.key for metric in Benchmark.objects.get().metrics.all()} == {"top1", "params"}


def test_column_of_words_is_no_metric_and_a_bare_address_is_a_link(tmp_path: Path) -> None:
    columns = "Model | Acc@1 | Notes | Year | Weights | Paper"
    row = "Net | 93.1 | trained twice | 2019 | <https://example.org/net.pth> | https://arxiv.org/abs/1512.03385"
    assert "not taken" not in take(write_board(tmp_path / "a.md", row, columns=columns))
    entry = Entry.objects.get()
    assert [metric.key for metric in entry.benchmark.metrics.all()] == ["top1"]
    assert [weights.url for weights in entry.weights.all()] == ["https://example.org/net.pth"]
    assert entry.model.paper is not None
    assert entry.model.paper.url == "https://arxiv.org/abs/1512.03385"


def test_metric_of_percents_and_one_of_fractions_are_two(tmp_path: Path) -> None:
    take(write_board(tmp_path / "a.md", "Net | 0.93", columns="Model | Test Accuracy"))
    take(write_board(tmp_path / "b.md", "Net | 93.1", columns="Model | % Test Accuracy"))
    units = dict(Claim.objects.values_list("value", "metric__unit"))
    assert units == {0.93: "", 93.1: "%"}


def test_row_that_stands_twice_is_kept_for_the_lint(tmp_path: Path) -> None:
    path = write_board(
        tmp_path / "a.md", "Net | 93.1 | 99 |", "Net | 93.1 | 99 |", "Net | 92.0 | 98 |", "Net | 93.1 | 99 |"
    )
    take(path)
    assert take(path) == "nothing changed\n"
    assert Entry.objects.count() == 4
    out = io.StringIO()
    call_command("lint_claims", stdout=out)
    assert "Net stands here 3 times with the same weights and scores." in out.getvalue()
    take(write_board(tmp_path / "b.md", "Net | 92.0 | 98 |", "Net | 93.1 | 99 |"))
    assert Claim.objects.count() == 8


def test_corrected_table_says_what_it_does_not_change(tmp_path: Path) -> None:
    take(write_board(tmp_path / "a.md", "Net | 93.1 | 99.0 |"))
    out = take(write_board(tmp_path / "a.md", "Net | 93.2 | 99.0 |"))
    assert "not taken, line 7: Net: Acc@1 is 93.2, and 93.1 by an earlier import of a.md" in out
    assert read_claims() == {"Net": ["93.1", "99.0"]}


def test_size_of_a_known_dataset_lets_digits_be_judged(tmp_path: Path) -> None:
    take(write_board(tmp_path / "a.md", "Net | 93.123 | 99.12 |", "Other | 93.12 | 10.0 |"))
    out = io.StringIO()
    call_command("lint_claims", stdout=out)
    assert "Acc@1 93.123 of Net is no whole number of right answers among 10000 samples" in out.getvalue()
    assert out.getvalue().count("whole number") == 1


@pytest.mark.parametrize("name", ["results-imagenet.csv", "renamed.csv"])
def test_timm_table_is_known_in_any_order_and_packed(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress(b"top1,top5,model\r\n80.1,95.2,net.a\r\n79.1,,net.b\r\n"))
    assert "not taken" not in take(path)
    assert read_claims() == {"net.a": ["80.1", "95.2"], "net.b": ["79.1"]}
