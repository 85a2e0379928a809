from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from leaderboard.services.catalogue.imports import ImportReport, import_catalogue
from leaderboard.tables.document import FormatFault
from leaderboard.tables.reading import PARSERS, read_catalogue


class Command(BaseCommand):
    help = (
        "Import a table of results. Importing it twice changes nothing; every row not taken is named with its reason."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--format", default="auto", choices=["auto", *PARSERS])
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        file = options["file"]
        try:
            parsed = read_catalogue(file.read_bytes(), filename=file.name, format=options["format"])
            report = import_catalogue(parsed, by="import_leaderboard", at=timezone.now(), dry_run=options["dry_run"])
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except FormatFault as fault:
            raise CommandError(str(fault)) from fault
        self.describe(report, is_dry=options["dry_run"])

    def describe(self, report: ImportReport, *, is_dry: bool) -> None:
        would = "would be " if is_dry else ""
        for word, counts in (("created", report.created), ("completed", report.updated)):
            if counts:
                self.stdout.write(f"{would}{word}: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
        if report.is_empty:
            self.stdout.write("nothing changed")
        for row in report.skipped:
            self.stdout.write(f"not taken, line {row.line}: {row.text}: {row.reason}")
