"""An evaluation that is cut into parts, or whose predictor is killed at any chunk, ends with the very same bytes."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.contract import DatasetSpec, EvaluationReport, EvaluationSpec, Protocol, WeightsSpec
from evaluation.engine.evidence import read_evidence
from evaluation.engine.job import EngineTrouble
from evaluation.engine.merging import merge
from evaluation.engine.pipeline import Folders, run
from tests.engine.conftest import ROOT, Engine
from tests.engine.networks import MEAN, STD, make_network

SAMPLES, CHUNK = 200, 16


@dataclass(frozen=True)
class Whole:
    """A spec with what its evaluation in one piece left."""

    spec: EvaluationSpec
    report: EvaluationReport
    evidence: bytes


def write_images(folder: Path) -> Path:
    random = np.random.default_rng(1)
    for number in range(SAMPLES):
        target = folder / f"class-{number % 3}" / f"{number:03}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(target)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    # Deep enough for a chunk to take a while, so that a kill hits between two.
    torch.save(make_network("cifar/resnet56", 3).state_dict(), folder / "weights.pth")
    spec = EvaluationSpec(
        WeightsSpec(str(folder / "weights.pth"), "cifar/resnet56"),
        DatasetSpec(str(write_images(folder / "images"))),
        Protocol(mean=MEAN, std=STD),
        order_seed=11,
        chunk=CHUNK,
        # What `auto` may choose takes longer to prepare than these images to predict.
        forward="channels_last",
    )
    report = run(spec, Folders(folder / "work", folder / "store"), lambda progress: None, folder / "evidence.npz")
    assert len(set(read_evidence(folder / "evidence.npz")["rank"].tolist())) > 1, "one answer to all proves nothing"
    return Whole(spec, report, (folder / "evidence.npz").read_bytes())


def evaluate_part(whole: Whole, folder: Path, start: int, stop: int, **changes: object) -> Path:
    """Evaluate one part as a worker with folders of its own does."""
    spec = replace(whole.spec, samples=(start, stop), **changes)  # type: ignore[arg-type]
    path = folder / f"part-{start}.npz"
    run(spec, Folders(folder / f"work-{start}", folder / f"store-{start}"), lambda progress: None, path)
    return path


@pytest.fixture(scope="module")
def parts(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("parts")
    return [evaluate_part(whole, folder, *bounds) for bounds in ((96, SAMPLES), (0, 96))]


def test_merged_parts_are_the_unsplit_run_to_the_byte(
    whole: Whole, parts: list[Path], here: Engine, tmp_path: Path
) -> None:
    (tmp_path / "spec.json").write_text(whole.spec.to_json())
    report_file, evidence_file = tmp_path / "report.json", tmp_path / "evidence.npz"
    outcome = here("merge", tmp_path / "spec.json", *parts, "--output", report_file, "--evidence", evidence_file)
    assert (outcome.status, outcome.errors) == (0, "")
    assert evidence_file.read_bytes() == whole.evidence
    report, expected = EvaluationReport.from_json(report_file.read_text()), json.loads(whole.report.to_json())
    for name in ("metrics", "weights", "dataset", "protocol", "evidence", "analysis"):
        assert json.loads(report.to_json())[name] == expected[name], name
    assert report.environment["parts"] == 2
    assert "mixed" not in report.environment
    assert report.timing["seconds"]["forward"] > 0


def test_a_part_says_nothing_of_the_score(parts: list[Path]) -> None:
    with np.load(parts[0], allow_pickle=False) as archive:
        report = EvaluationReport.from_json(archive["report"].tobytes().decode())
    assert (report.metrics, report.evidence, report.analysis) == ({}, {}, {})
    assert report.dataset["samples"] == SAMPLES
    assert tuple(report.dataset["part"]) == (96, SAMPLES)


@pytest.mark.parametrize(
    ("seed", "chosen", "message"),
    [
        (11, (0,), "one ends at 0"),
        (11, (1,), "end at 96"),
        (11, (0, 0, 1), "one ends at 200"),
        (12, (0, 1), "not in this run's order"),
    ],
)
def test_parts_that_do_not_make_up_the_run_are_not_merged(
    whole: Whole, parts: list[Path], seed: int, chosen: tuple[int, ...], message: str
) -> None:
    with pytest.raises(EngineTrouble, match=message):
        merge(replace(whole.spec, order_seed=seed), [parts[index] for index in chosen], lambda progress: None)


def test_parts_of_other_weights_and_files_that_are_none_are_not_merged(
    whole: Whole, parts: list[Path], tmp_path: Path
) -> None:
    with np.load(parts[0], allow_pickle=False) as archive:
        columns = dict(archive)
    text = columns["report"].tobytes().decode().replace(whole.report.weights["sha256"], "0" * 64)
    np.savez(tmp_path / "part.npz", **columns | {"report": np.frombuffer(text.encode(), np.uint8)})
    (tmp_path / "none.npz").write_bytes(b"PK")
    for path, message in ((tmp_path / "part.npz", "their weights differ"), (tmp_path / "none.npz", "no part")):
        with pytest.raises(EngineTrouble, match=message):
            merge(whole.spec, [path, parts[1]], lambda progress: None)


@pytest.mark.parametrize("samples", [[5], [8, 8], [-1, 4], [0, SAMPLES + 1]])
def test_a_part_that_is_no_part_is_refused(whole: Whole, samples: list[int], here: Engine, tmp_path: Path) -> None:
    spec = json.loads(whole.spec.to_json()) | {"samples": samples}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    outcome = here("run", tmp_path / "spec.json", "--output", tmp_path / "report.json")
    assert outcome.status == 2
    assert "part" in outcome.errors or "samples" in outcome.errors


def find_predictor(engine: subprocess.Popen[bytes]) -> int | None:
    """Return the process of the engine's that predicts, by what the kernel says of its children."""
    with contextlib.suppress(OSError, ValueError):
        children = Path(f"/proc/{engine.pid}/task/{engine.pid}/children").read_text().split()
        return int(children[0])
    return None


def kill_at(work: Path, chunk: int, command: list[str]) -> int:
    """Run the command, kill its predictor once that chunk is there, and return how many are there at the end."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as engine:
        target, deadline = work / "predictions" / f"{chunk:06}.npy", time.monotonic() + 60
        while not target.exists() and engine.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        predictor = find_predictor(engine)
        if predictor is not None:
            os.kill(predictor, signal.SIGKILL)
    assert engine.returncode == 1, "the kill came too late, or was taken for the file's fault"
    return len(list((work / "predictions").glob("*.npy")))


@pytest.mark.slow
def test_a_predictor_killed_at_one_chunk_after_another_leaves_the_same_bytes(
    whole: Whole, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "spec.json").write_text(whole.spec.to_json())
    words = ["run", tmp_path / "spec.json", "--output", tmp_path / "report.json"]
    words += ["--work", tmp_path / "work", "--store", tmp_path / "store", "--evidence", tmp_path / "evidence.npz"]
    command = [sys.executable, "-m", "evaluation.engine", *map(str, words)]
    total, done = -(-SAMPLES // CHUNK), 0
    for chunk in (0, 3, 7):
        found = kill_at(tmp_path / "work", chunk, command)
        assert done < found < total
        done = found
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "work" / "predictions").glob("*.npy")}
    outcome = engine(*words)
    assert (outcome.status, outcome.errors) == (0, "")
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items()), "finished chunks are not done again"
    digests = [hashlib.sha256(data).hexdigest() for data in (whole.evidence, (tmp_path / "evidence.npz").read_bytes())]
    assert digests[0] == digests[1]
