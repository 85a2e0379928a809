"""timm's `results-*.csv` accuracy tables. Pure."""

import csv
import io
import re

from leaderboard.tables.document import (
    FormatFault,
    ParsedBenchmark,
    ParsedCatalogue,
    ParsedDataset,
    ParsedEntry,
    ParsedLink,
    ParsedProtocol,
    ParsedTask,
    Skipped,
)
from leaderboard.tables.markdown import SkippedRow, read_score
from leaderboard.tables.vocabulary import CHINESE, ENGLISH, TASKS, describe_metric

NEEDED = ("model", "top1", "top5")
DATASET = re.compile(r"results-([a-z0-9-]+)", re.IGNORECASE)
HUB = "https://huggingface.co/timm/"
PROTOCOL = ParsedProtocol("timm-validate", {ENGLISH: "single crop, timm", CHINESE: "单裁剪，timm"})


def parse(text: str, *, filename: str) -> ParsedCatalogue:
    """Return one benchmark of all rows. Raises: FormatFault where the columns are others."""
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in NEEDED if name not in (reader.fieldnames or [])]
    if missing:
        raise FormatFault(f"{filename} lacks the column {missing[0]!r}; a timm results table has model, top1 and top5.")
    match = DATASET.search(filename)
    name = match[1].lower() if match else "imagenet"
    catalogue = ParsedCatalogue(source=filename)
    dataset = ParsedDataset(slug=name, name=name.replace("imagenet", "ImageNet"), split="validation")
    benchmark = ParsedBenchmark(
        slug=f"{name}-val-timm",
        dataset=dataset,
        protocol=PROTOCOL,
        metrics=[describe_metric("top1"), describe_metric("top5")],
    )
    for row in reader:
        try:
            benchmark.entries.append(read_row(row, reader.line_num))
        except SkippedRow as skipped:
            catalogue.skipped.append(Skipped(reader.line_num, str(row.get("model"))[:200], str(skipped)))
    if not benchmark.entries:
        raise FormatFault(f"{filename} holds no rows; nothing can be imported.")
    slug = "image-classification"
    catalogue.tasks.append(ParsedTask(slug=slug, name=dict(TASKS[slug]), benchmarks=[benchmark]))
    return catalogue


def read_row(row: dict[str, str], line: int) -> ParsedEntry:
    """Raises: SkippedRow."""
    model = (row["model"] or "").strip()
    if not model:
        raise SkippedRow("the row names no model")
    scores = {key: read_score(row[key] or "", key) for key in ("top1", "top5")}
    millions = (row.get("param_count") or "").replace(",", "")
    try:
        parameters = round(float(millions) * 1e6) if millions else None
    except ValueError as error:
        raise SkippedRow(f"param_count is {millions!r}, which is no number") from error
    return ParsedEntry(
        model=model,
        scores=scores,
        weights=[ParsedLink("PyTorch", HUB + model)],
        parameters=parameters,
        variant=f"{row['img_size']} px" if row.get("img_size") else "",
        line=line,
    )
