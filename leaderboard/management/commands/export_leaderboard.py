from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leaderboard.management.naming import find_benchmark
from leaderboard.queries import BadQuery
from leaderboard.services.boards.arrears import find_head
from leaderboard.services.boards.exports import WRITERS, export_board


class Command(BaseCommand):
    help = "Write a whole leaderboard to standard output, best first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("benchmark", metavar="BENCHMARK", help="its slug")
        parser.add_argument("--format", default="csv", choices=list(WRITERS))

    def handle(self, *args: Any, **options: Any) -> None:
        head = find_head(find_benchmark(options["benchmark"]).slug)
        assert head is not None
        try:
            for text in export_board(head, options["format"]):
                self.stdout.write(text, ending="")
        except BadQuery as bad:
            raise CommandError(str(bad)) from bad
