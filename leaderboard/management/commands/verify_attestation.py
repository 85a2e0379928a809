from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from evaluation.attestation import load_or_make_key, read_public_key, verify
from evaluation.contract import InputFault
from evaluation.verify import check_evidence, describe, read_envelope


class Command(BaseCommand):
    help = "Check an attestation offline: its signature and, with the evidence, its scores."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--key", type=Path, help="the portal's public key (PEM); without it, this portal's own")
        parser.add_argument("--evidence", type=Path, help="recount the scores from it")

    def handle(self, *args: Any, **options: Any) -> None:
        key, evidence = options["key"], options["evidence"]
        try:
            own = load_or_make_key(settings.SIGNING_KEY_FILE).public_key() if key is None else None
            statement = verify(read_envelope(options["file"]), own or read_public_key(key.read_bytes()))
            counts = check_evidence(statement["predicate"], evidence) if evidence else {}
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except InputFault as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(describe(statement, counts))
