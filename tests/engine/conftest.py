import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.engine.cli import main

# As the predictor does: a busy machine else holds up spinning threads. Torch is loaded after this.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

ROOT = Path(__file__).resolve().parents[2]
SIZES = ((40, 40), (64, 48), (48, 64), (33, 90), (120, 41), (32, 32))


@dataclass(frozen=True)
class Outcome:
    """How a command of the engine ended."""

    status: int
    output: str
    errors: str


Engine = Callable[..., Outcome]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The command line, in a process of its own."""

    def run(*arguments: object) -> Outcome:
        command = [sys.executable, "-m", "evaluation.engine", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Engine:
    """The command line in this process, which has torch in its memory already."""

    def run(*arguments: object) -> Outcome:
        status = main([str(argument) for argument in arguments])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of six images each, of several sizes, JPEG and PNG."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("images")
    for label, colour in (("blue", 2), ("green", 1), ("red", 0)):
        (folder / label).mkdir()
        for index, (width, height) in enumerate(SIZES):
            noise = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            noise[..., colour] |= 0x80
            image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
            image.save(folder / label / f"{index}.{'jpg' if index % 2 else 'png'}")
    return folder


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images of photographs' size, of two of a thousand classes."""
    folder, random = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    names = [f"n{number:08d}" for number in range(1000)]
    (folder / "outputs.txt").write_text("\n".join(names))
    for name, size in ((names[7], (500, 375)), (names[811], (375, 500))):
        (folder / name).mkdir()
        noise = Image.fromarray(random.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        noise.resize(size, Image.Resampling.BICUBIC).save(folder / name / "1.jpg")
    return folder
