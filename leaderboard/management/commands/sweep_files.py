from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from leaderboard.services.leavings import find_leavings
from leaderboard.services.storage import StorageAway


class Command(BaseCommand):
    help = "List the stored files that nothing names any more, a day old or more; changes nothing without --delete."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--delete", action="store_true", help="remove them, of a storage that is this portal's alone"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        count = total = 0
        try:
            for name in find_leavings(at=timezone.now()):
                count, total = count + 1, total + default_storage.size(name)
                if options["delete"]:
                    default_storage.delete(name)
                self.stdout.write(name)
        except StorageAway as away:
            raise CommandError(str(away)) from away
        done = "removed" if options["delete"] else "left"
        self.stdout.write(f"{count} file{'' if count == 1 else 's'} of {total / 2**20:.1f} MiB {done}")
