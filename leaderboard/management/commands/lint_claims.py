from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from leaderboard.management.naming import find_benchmark
from leaderboard.models import Benchmark, Entry
from leaderboard.services.boards.findings import find_findings


class Command(BaseCommand):
    help = "Say what in the stored claims cannot be true, or hardly, with a proposed repair. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("benchmark", metavar="BENCHMARK", nargs="?", help="its slug; without it, all of them")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["benchmark"]
        related = Benchmark.objects.select_related("split")
        for benchmark in [find_benchmark(slug)] if slug else related:
            self.describe(benchmark)

    def describe(self, benchmark: Benchmark) -> None:
        findings = find_findings(benchmark)
        self.stdout.write(f"{benchmark.slug}: {len(findings)} finding{'' if len(findings) == 1 else 's'}")
        names = {str(entry.pk): entry.model.name for entry in self.list_entries(benchmark)}
        for finding in findings:
            self.stdout.write(f"  {finding.severity}: {finding}")
            for change in finding.repair:
                target = " ".join(part for part in (names.get(change.row, change.row), change.metric) if part)
                after = f"{change.before} → {change.after}" if change.after else f"drop {change.before}"
                self.stdout.write(f"    repair {target}: {after}")

    def list_entries(self, benchmark: Benchmark) -> list[Entry]:
        return list(Entry.objects.filter(benchmark=benchmark, is_hidden=False).select_related("model"))
