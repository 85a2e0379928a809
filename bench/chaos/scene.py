"""What is submitted to the storm, and what must come of it: the bytes that an undisturbed evaluation gives."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command

from bench.chaos.files import DEEP, MEAN, SMALL, STD, name_file
from bench.chaos.processes import ROOT

BENCHMARK = "storm"
# One in so many: cut into parts, faulty, poison.
CUT_EVERY, FAULTY_EVERY, POISON_EVERY = 7, 9, 100


@dataclass(frozen=True)
class Planned:
    """A submission of the storm. `expected`: the state it must end in."""

    number: int
    weights: Path
    architecture: str
    expected: str
    is_poison: bool = False

    @property
    def name(self) -> str:
        return f"Storm {self.number}"

    @property
    def fields(self) -> dict[str, str]:
        return {"benchmark": BENCHMARK, "model": self.name, "architecture": self.architecture}


@dataclass(frozen=True)
class Scene:
    folder: Path

    @property
    def images(self) -> Path:
        return self.folder / "digits" / "test"

    def prepare(self) -> None:
        """Write the files and register the benchmark."""
        run("-m", "bench.chaos.files", str(self.folder))
        call_command("register_dataset", BENCHMARK, str(self.images), mean=MEAN, std=STD, verbosity=0)

    def list_files(self, architecture: str) -> list[Path]:
        return sorted(self.folder.glob(f"{name_file(architecture)}-*.safetensors"))

    def plan(self, count: int) -> Iterator[Planned]:
        """Yield the submissions: most are small, some are cut, some are faulty, one is poison."""
        small, deep = self.list_files(SMALL), self.list_files(DEEP)
        for number in range(count):
            if number % FAULTY_EVERY == FAULTY_EVERY - 1:
                yield Planned(number, self.folder / "nan.safetensors", SMALL, "failed")
            elif number % CUT_EVERY == CUT_EVERY - 1:
                yield Planned(number, deep[number % len(deep)], DEEP, "verified")
            else:
                is_poison = number % POISON_EVERY == 4
                state = "stalled" if is_poison else "verified"
                yield Planned(number, small[number % len(small)], SMALL, state, is_poison)

    def evaluate_undisturbed(self) -> dict[str, str]:
        """Return the digest of each file's evidence, as the engine's command line alone gives it."""
        return {
            file.name: self.evaluate(file, architecture)
            for architecture in (SMALL, DEEP)
            for file in self.list_files(architecture)
        }

    def evaluate(self, weights: Path, architecture: str) -> str:
        evidence = self.folder / f"{weights.stem}.npz"
        words = ["--dataset", str(self.images), "--weights", str(weights), "--architecture", architecture]
        words += ["--mean", MEAN, "--std", STD, "--evidence", str(evidence), "--output", str(evidence) + ".json"]
        run("-m", "evaluation.engine", "evaluate", *words)
        return hashlib.sha256(evidence.read_bytes()).hexdigest()


def run(*words: str) -> None:
    """Raises: CalledProcessError."""
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
