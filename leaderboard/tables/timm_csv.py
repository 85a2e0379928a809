"""timm's `results-*.csv` accuracy tables. Pure."""

import csv
import io
import re

from evaluation.contract import INTERPOLATIONS
from leaderboard.tables.document import (
    FormatFault,
    ParsedBenchmark,
    ParsedCatalogue,
    ParsedEntry,
    ParsedLink,
    ParsedTask,
    Skipped,
)
from leaderboard.tables.scores import MOST_PARAMETERS, SkippedRow, is_absent, read_image_size, read_score
from leaderboard.tables.vocabulary import TASKS, describe_dataset, describe_metric, describe_protocol

NEEDED = ("model", "top1", "top5")
DATASET = re.compile(r"results-([a-z0-9-]+)", re.IGNORECASE)
HUB = "https://huggingface.co/timm/"
PROTOCOL = describe_protocol("single crop, timm")


def parse(text: str, *, filename: str) -> ParsedCatalogue:
    """Return one benchmark of all rows. Raises: FormatFault where the columns are others."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in NEEDED if name not in (reader.fieldnames or [])]
    if missing:
        raise FormatFault(f"{filename} lacks the column {missing[0]!r}; a timm results table has model, top1 and top5.")
    match = DATASET.search(filename)
    name = match[1].lower() if match else "imagenet"
    catalogue = ParsedCatalogue(source=filename)
    dataset = describe_dataset(name.replace("imagenet", "ImageNet"), "validation", name)
    benchmark = ParsedBenchmark(
        slug=f"{name}-val-timm",
        dataset=dataset,
        protocol=PROTOCOL,
        metrics=[describe_metric("top1"), describe_metric("top5")],
    )
    try:
        for row in reader:
            try:
                benchmark.entries.append(read_row(row, reader.line_num))
            except SkippedRow as skipped:
                catalogue.skipped.append(Skipped(reader.line_num, str(row.get("model"))[:200], str(skipped)))
    except csv.Error as error:
        raise FormatFault(f"{filename} cannot be read in line {reader.line_num + 1}: {error}.") from error
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
    scores = {key: read_score(row[key], key) for key in ("top1", "top5") if not is_absent(row[key] or "")}
    if not scores:
        raise SkippedRow("the row states no score")
    millions = (row.get("param_count") or "").replace(",", "")
    try:
        parameters = round(float(millions) * 1e6) if millions else None
    except (ValueError, OverflowError) as error:
        raise SkippedRow(f"param_count is {millions!r}, which is no number") from error
    if parameters is not None and not 0 < parameters < MOST_PARAMETERS:
        raise SkippedRow(f"param_count is {millions!r}, and no model has so many")
    size, share = read_image_size(row.get("img_size")), read_share(row.get("crop_pct") or "")
    interpolation = row.get("interpolation") or ""
    return ParsedEntry(
        model=model,
        scores=scores,
        weights=[ParsedLink("PyTorch", HUB + model)],
        parameters=parameters,
        image_size=size,
        resize=read_image_size(int(size / share)) if size and share else None,
        interpolation=interpolation if interpolation in INTERPOLATIONS else "",
        line=line,
    )


def read_share(text: str) -> float | None:
    """Return which part of an image's side is kept, as `crop_pct` says; above 0, at most 1."""
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0.1 < share <= 1 else None
