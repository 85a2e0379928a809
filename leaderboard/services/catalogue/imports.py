"""Take a parsed table into the catalogue. Doing it twice changes nothing; what is known is never overwritten."""

import datetime as dt
import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connection, models, transaction

from leaderboard.models import (
    Benchmark,
    BenchmarkMetric,
    Claim,
    Dataset,
    Entry,
    Metric,
    Model,
    Paper,
    Protocol,
    Resource,
    Split,
    Task,
    Weights,
)
from leaderboard.models.addresses import is_slug
from leaderboard.services import audit
from leaderboard.services.boards import standings
from leaderboard.services.boards.findings import REPEATED
from leaderboard.tables.document import (
    FormatFault,
    ParsedBenchmark,
    ParsedCatalogue,
    ParsedDataset,
    ParsedEntry,
    ParsedLink,
    ParsedMetric,
    ParsedTask,
    Skipped,
    Texts,
)
from leaderboard.tables.vocabulary import digest

M = TypeVar("M", bound=models.Model)

NOT_GIVEN = "unstated"
MAX_NAME = 200
MAX_ADDRESS = 1000
# Of more new entries the database counts the tables before a board is derived from them.
MANY = 100
WRITTEN = (Model, Weights, Entry, Entry.weights.through, Claim)


@dataclass
class ImportReport:
    """What an import did: objects made and completed by kind, and every row that was not taken."""

    created: Counter[str] = field(default_factory=Counter)
    updated: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.created and not self.updated


class DryRun(Exception):
    """Undo everything: only the report was asked for."""


def import_catalogue(
    parsed: ParsedCatalogue, *, by: audit.Actor, at: dt.datetime, dry_run: bool = False
) -> ImportReport:
    """Store what the table says, all or nothing, and derive the boards anew.

    Raises: FormatFault where the name of a task, a dataset or a metric is none that can be stored.
    """
    importer = Importer(parsed.source)
    importer.report.skipped += parsed.skipped
    try:
        with transaction.atomic():
            for task in parsed.tasks:
                importer.take_task(task, by=by, at=at)
            if dry_run:
                raise DryRun
    except DryRun:
        pass
    return importer.report


def count_written() -> None:
    """Let PostgreSQL count what this transaction has written.

    Its own look sees nothing of that before the commit, and a plan for tables that it takes for empty, as after a
    rehearsal, goes through all combinations of their rows: minutes for a thousand entries.
    """
    if connection.vendor == "postgresql":
        tables = ", ".join(model._meta.db_table for model in WRITTEN)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {tables}")


class Importer:
    """One import. `source` is named as the source of its claims."""

    def __init__(self, source: str) -> None:
        self.source, self.report = source, ImportReport()
        # By board and model: the variants that this table's rows so far are.
        self.seen: dict[tuple[int, int], set[str]] = defaultdict(set)

    def ensure(self, kind: type[M], key: dict[str, Any], facts: dict[str, Any]) -> M:
        """Return the object with this key, made where it is missing, its empty fields filled from `facts`.

        Raises: FormatFault.
        """
        facts = {name: value for name, value in facts.items() if value not in (None, "")}
        for name, value in (key | facts).items():
            check_text(kind, name, value)
        found, is_new = kind._default_manager.get_or_create(**key, defaults=facts)
        name = kind._meta.model_name or ""
        missing = {f: v for f, v in facts.items() if getattr(found, f) in (None, "")}
        if is_new:
            self.report.created[name] += 1
        elif missing:
            for each, value in missing.items():
                setattr(found, each, value)
            found.save(update_fields=list(missing))
            self.report.updated[name] += 1
        return found

    def take_task(self, parsed: ParsedTask, *, by: audit.Actor, at: dt.datetime) -> None:
        facts = spread("name", parsed.name) | spread("description", parsed.description)
        task = self.ensure(Task, {"slug": parsed.slug}, facts)
        for position, resource in enumerate(parsed.resources):
            facts = spread("description", resource.description) | {"title_en": resource.title, "type": resource.type}
            self.ensure(Resource, {"task": task, "url": resource.url}, {**facts, "position": position})
        for position, benchmark in enumerate(parsed.benchmarks):
            before, entries = +self.report.created + self.report.updated, self.report.created["entry"]
            stored = self.take_benchmark(benchmark, task, position)
            if self.report.created["entry"] - entries > MANY:
                count_written()
            if +self.report.created + self.report.updated != before:
                standings.refresh_benchmark(stored)
                audit.record("import", stored, by=by, at=at, data={"source": self.source})

    def take_benchmark(self, parsed: ParsedBenchmark, task: Task, position: int) -> Benchmark:
        protocol = self.ensure(Protocol, {"slug": parsed.protocol.slug}, spread("name", parsed.protocol.name))
        split = self.take_dataset(parsed.dataset)
        facts = {"slug": parsed.slug, "position": position, **spread("description", parsed.description)}
        if parsed.highlight_count:
            facts["highlight_count"] = parsed.highlight_count
        key = {"task": task, "split": split, "protocol": protocol}
        taken = Benchmark.objects.filter(slug=parsed.slug).exclude(**key).exists()
        benchmark = self.ensure(Benchmark, key, facts | ({"slug": f"{parsed.slug}-{protocol.slug}"} if taken else {}))
        metrics = {each.key: self.take_metric(each, benchmark) for each in parsed.metrics}
        for entry in parsed.entries:
            self.take_entry(entry, benchmark, metrics)
        return benchmark

    def take_dataset(self, parsed: ParsedDataset) -> Split:
        facts = {"name": parsed.name, "licence": parsed.licence, "homepage_url": parsed.homepage_url}
        dataset = self.ensure(Dataset, {"slug": parsed.slug}, facts | spread("description", parsed.description))
        return self.ensure(
            Split, {"dataset": dataset, "name": parsed.split}, {"samples": parsed.samples, "classes": parsed.classes}
        )

    def take_metric(self, parsed: ParsedMetric, benchmark: Benchmark) -> Metric:
        names = ("label", "unit", "direction", "decimals", "minimum", "maximum")
        facts = {name: getattr(parsed, name) for name in names} | spread("name", parsed.name)
        metric = self.ensure(Metric, {"key": parsed.key}, facts)
        if not BenchmarkMetric.objects.filter(benchmark=benchmark, metric=metric).exists():
            position = benchmark.benchmark_metrics.count()
            BenchmarkMetric.objects.create(benchmark=benchmark, metric=metric, position=position)
        return metric

    def take_entry(self, parsed: ParsedEntry, benchmark: Benchmark, metrics: dict[str, Metric]) -> None:
        if refusal := check_row(parsed, metrics):
            self.report.skipped.append(Skipped(parsed.line, parsed.model, refusal))
            return
        model = self.ensure(
            Model, {"slug": Model.find_slug(parsed.model)}, {"name": parsed.model, "parameters": parsed.parameters}
        )
        self.take_paper(parsed, model)
        weights = [
            self.ensure(Weights, {"model": model, "framework": w.label[:40], "url": w.url}, {}) for w in parsed.weights
        ]
        codes = [{"label": link.label, "url": link.url} for link in parsed.codes]
        variant = self.number_row(parsed, benchmark, model)
        known = self.report.created["entry"]
        entry = self.ensure(Entry, {"benchmark": benchmark, "model": model, "variant": variant}, {})
        if not entry.code_urls and codes:
            entry.code_urls = codes
            entry.save(update_fields=["code_urls"])
        if not entry.preprocessing and (stated := describe_images(parsed)):
            entry.preprocessing = stated
            entry.save(update_fields=["preprocessing"])
        if self.report.created["entry"] > known:
            # Of a known row they may have been mended since.
            entry.weights.add(*weights)
        for key, score in parsed.scores.items():
            if refusal := self.take_claim(entry, metrics[key], score.value, score.text):
                self.report.skipped.append(Skipped(parsed.line, parsed.model, refusal))

    def number_row(self, parsed: ParsedEntry, benchmark: Benchmark, model: Model) -> str:
        """Return the row's variant; a table's further rows of one model with the same weights are numbered.

        They stay for the lint to find. Where such rows are stored, each is the one that states the same scores. So is
        one that leads to no weights, as in a model-index: it may be any of the model's rows of its image size.
        """
        name, plain = name_variant(parsed, benchmark, model), name_plain(parsed)
        taken = self.seen[benchmark.pk, model.pk]
        rows = Entry.objects.filter(benchmark=benchmark, model=model).order_by("pk")
        # Weights of other addresses count too: they may have been mended, or a mirror verified, since it was stored.
        alike = [row for row in rows if f"{row.variant} ".startswith(f"{plain} ") or is_any(parsed, row)]
        alike.sort(key=lambda row: row.variant.partition(REPEATED)[0] != name)
        same = (row.variant for row in alike if row.variant not in taken and states(row, parsed))
        numbered = (f"{name}{REPEATED}{number}" if number > 1 else name for number in itertools.count(1))
        variant = next(same, None) or next(each for each in numbered if each not in taken)
        taken.add(variant)
        return variant

    def take_paper(self, parsed: ParsedEntry, model: Model) -> None:
        if not parsed.paper_url:
            return
        date = read_date(parsed.paper_date)
        paper = self.ensure(Paper, {"url": parsed.paper_url}, {"title": parsed.paper_title[:400], "published_on": date})
        if model.paper_id is None:
            model.paper = paper
            model.save(update_fields=["paper"])

    def take_claim(self, entry: Entry, metric: Metric, value: float, text: str) -> str:
        """Store a claim; the same table in another language states it once. Return why it is not taken, or nothing."""
        claims = Claim.objects.filter(entry=entry, metric=metric)
        if claims.filter(value=value).exists():
            return ""
        if known := claims.filter(source=self.source).first():
            return f"{metric.label} is {text}, and {known.text or known.value} by an earlier import of {self.source}"
        self.ensure(Claim, {"entry": entry, "metric": metric, "source": self.source}, {"value": value, "text": text})
        return ""


def is_any(parsed: ParsedEntry, row: Entry) -> bool:
    """Tell whether the parsed row names no weights, so that it may be this one of its image size."""
    return not (parsed.weights or parsed.codes) and row.image_size == parsed.image_size


def states(entry: Entry, parsed: ParsedEntry) -> bool:
    """Tell whether all of the row's scores are among the entry's claims."""
    stated = set(entry.claims.values_list("metric__key", "value"))
    return stated.issuperset((key, score.value) for key, score in parsed.scores.items())


def spread(name: str, texts: Texts) -> dict[str, str]:
    """Return the columns that hold these texts, one a language."""
    return {f"{name}_{language.replace('-', '_')}": text for language, text in texts.items()}


def check_text(kind: type[models.Model], name: str, value: Any) -> None:
    """Raises: FormatFault where the text is longer than the field, or no text; SQLite alone would take it."""
    if not isinstance(value, str):
        return
    place, longest = (
        f"{name.partition('_')[0]} of a {kind._meta.model_name}",
        getattr(kind._meta.get_field(name), "max_length", None),
    )
    if longest and len(value) > longest:
        raise FormatFault(f"The {place} is longer than {longest} characters: {value[:40]}….")
    if isinstance(kind._meta.get_field(name), models.SlugField) and not is_slug(value):
        raise FormatFault(f"The {place} is no part of an address: {value[:40]!r}; give letters, digits and hyphens.")
    if not is_text(value):
        raise FormatFault(f"The {place} holds a null byte or half a character: {value[:40]!r}.")


def is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def check_row(parsed: ParsedEntry, metrics: dict[str, Metric]) -> str:
    """Return why the row cannot be stored, or nothing."""
    if len(parsed.model) > MAX_NAME:
        return f"the model's name is longer than {MAX_NAME} characters"
    if not is_text(f"{parsed.model} {parsed.paper_title} {parsed.paper_url}"):
        return "a text in it holds a null byte or half a character"
    if any(len(url) > MAX_ADDRESS for url in (parsed.paper_url, *(link.url for link in parsed.weights))):
        return f"an address is longer than {MAX_ADDRESS} characters"
    for key, score in parsed.scores.items():
        metric = metrics[key]
        if not metric.holds(score.value):
            return f"{metric.label} {score.text} lies outside {metric.minimum:g} to {metric.maximum:g}"
    return ""


def describe_images(parsed: ParsedEntry) -> dict[str, int | str]:
    """Return the fields of the protocol that the row states."""
    stated = {"resize": parsed.resize, "crop": parsed.image_size, "interpolation": parsed.interpolation}
    return {name: value for name, value in stated.items() if value}


def name_plain(parsed: ParsedEntry) -> str:
    """Return the row's frameworks and image size."""
    links: list[ParsedLink] = parsed.weights or parsed.codes
    name = "+".join(sorted({link.label for link in links}))[:80] or NOT_GIVEN
    return f"{name} {parsed.image_size} px" if parsed.image_size else name


def name_variant(parsed: ParsedEntry, benchmark: Benchmark, model: Model) -> str:
    """Return what tells this row's set of weights from the model's other rows on the board."""
    name = name_plain(parsed)
    same = Entry.objects.filter(benchmark=benchmark, model=model, variant=name).prefetch_related("weights").first()
    addresses = {link.url for link in parsed.weights}
    if same is None or {weights.url for weights in same.weights.all()} == addresses:
        return name
    return f"{name} {digest(' '.join(sorted(addresses)) or str(sorted(parsed.scores.items())))}"


def read_date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
