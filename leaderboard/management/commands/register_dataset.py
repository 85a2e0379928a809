import json
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from evaluation.contract import EXIT_DONE, InputFault, Protocol
from leaderboard.models import Split
from leaderboard.services.catalogue.datasets import Registration, RegistrationRefused, register
from leaderboard.services.catalogue.thumbnails import check_licence, store_thumbnails
from leaderboard.services.storage import StorageAway


class Command(BaseCommand):
    help = (
        "Register an image folder (class/…/image), or a tar of one, for a dataset or benchmark; makes it where missing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="of a benchmark or dataset; a new one makes both")
        parser.add_argument("path", metavar="DIR", type=Path, help="the folder, .tar or .tar.gz")
        parser.add_argument(
            "--labels", type=Path, default=None, help="labels outside the folder names, as the engine reads them"
        )
        parser.add_argument("--name", default="", help="what to call a new dataset")
        parser.add_argument("--split", default="test")
        parser.add_argument("--licence", default="")
        parser.add_argument(
            "--thumbnails",
            action="store_true",
            help="show small images of the samples, with their classes, on the pages: only where the licence allows it",
        )
        parser.add_argument(
            "--resize",
            type=int,
            help="shorter side in pixels; without any of these options each "
            "architecture's published preprocessing is used",
        )
        parser.add_argument("--crop", type=int)
        parser.add_argument("--interpolation", default=None)
        parser.add_argument("--crop-mode", default=None, help="center (default), squash or border, as in timm")
        # Else what begins with a minus is taken for an option, save a single number.
        parser._negative_number_matcher = re.compile(r"-\.?\d")
        parser.add_argument("--mean", default=None, help="a,b,c")
        parser.add_argument("--std", default=None, help="a,b,c")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["path"].absolute()
        found = inspect(path, options["labels"])
        try:
            registration = Registration(
                slug=options["slug"],
                path=path,
                digest=found["digest"],
                samples=found["samples"],
                class_names=found["class_names"],
                labels_path=name_labels(options["labels"]),
                name=options["name"],
                split=options["split"],
                licence=options["licence"],
                preprocessing=read_preprocessing(options),
                metrics=tuple(found["metrics"]),
            )
            benchmark = register(registration, by="register_dataset", at=timezone.now())
            if options["thumbnails"]:
                make_thumbnails(benchmark.split, path, options["labels"])
        except (RegistrationRefused, InputFault, StorageAway) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{benchmark.slug}: {found['samples']} images, {found['classes']} classes, {found['digest']}")


def name_labels(labels: Path | None) -> str:
    """Return where the labels are: a file by its whole path, a split of PASCAL VOC by its name."""
    if labels is None:
        return ""
    return str(labels.resolve()) if labels.exists() else str(labels)


def inspect(path: Path, labels: Path | None) -> dict[str, Any]:
    """Ask the engine what lies there, in a process of its own, as this one reads no images. Raises: CommandError."""
    return ask_engine("dataset", str(path), "--check", *(["--labels", str(labels)] if labels else []))


def make_thumbnails(split: Split, path: Path, labels: Path | None) -> None:
    """Let the engine write small images and store them. Raises: CommandError, RegistrationRefused."""
    check_licence(split)
    if split.thumbnails and split.dataset.shows_samples:
        return
    with tempfile.TemporaryDirectory(prefix="veriboard-") as folder:
        made = ask_engine("thumbnails", str(path), folder, *(["--labels", str(labels)] if labels else []))
        if made["digest"] != split.digest:
            raise CommandError("The files changed while they were read; register them again.")
        counts = made["class_counts"]
        store_thumbnails(split, Path(folder), counts, by="register_dataset", at=timezone.now())


def ask_engine(*arguments: str) -> dict[str, Any]:
    """Return what an engine command says. Raises: CommandError with its sentence."""
    if find_spec("numpy") is None:
        raise CommandError(
            "The engine is not installed here; run this where a worker runs, or install the extra `engine`."
        )
    command = [sys.executable, "-m", "evaluation.engine", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != EXIT_DONE:
        raise CommandError(
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "The engine could not read it."
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def read_preprocessing(options: dict[str, Any]) -> dict[str, Any] | None:
    """Return the declared preprocessing, None where no option was given. Raises: CommandError, InputFault."""
    names = ("resize", "crop", "interpolation", "crop_mode")
    given = {name: options[name] for name in names if options[name] is not None}
    for name in ("mean", "std"):
        if options[name] is not None:
            try:
                given[name] = tuple(float(part) for part in options[name].split(","))
            except ValueError as error:
                raise CommandError(f"--{name} takes three numbers, such as 0.485,0.456,0.406.") from error
    if not given:
        return None
    protocol = Protocol(**given)
    return {**vars(protocol), "mean": list(protocol.mean), "std": list(protocol.std)}
