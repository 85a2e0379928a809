import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from evaluation.attestation import load_or_make_key, read_public_key, verify
from evaluation.contract import InputFault


class Command(BaseCommand):
    help = "Check the signature of an attestation file, offline, and print what it states."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--key", type=Path, help="the portal's public key (PEM); without it, this portal's own")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            envelope = json.loads(options["file"].read_bytes())
            key = options["key"]
            public = (
                read_public_key(key.read_bytes()) if key else load_or_make_key(settings.SIGNING_KEY_FILE).public_key()
            )
            statement = verify(envelope, public)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except (ValueError, InputFault) as error:
            sentence = str(error) if isinstance(error, InputFault) else "This file holds no JSON; give an attestation."
            raise CommandError(sentence) from error
        predicate = statement["predicate"]
        scores = ", ".join(f"{key} {score['value']:g}" for key, score in predicate["report"]["metrics"].items())
        weights = statement["subject"][0]
        self.stdout.write(f"Good signature: {predicate['model']} on {predicate['benchmark']}: {scores}")
        self.stdout.write(f"weights {weights['name']} sha256 {weights['digest']['sha256']}")
