import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from evaluation.engine.dataset import Dataset, Sample
from evaluation.engine.evidence import read_evidence, write_evidence
from evaluation.engine.metrics import classification, multilabel
from evaluation.engine.metrics.classification import judge
from tests.engine.conftest import Engine

SAMPLES = 40


def write(path: Path, seed: int, offset: int = 0) -> None:
    """Write the evidence of random logits on samples whose digests begin at `offset`."""
    samples = tuple(Sample(f"{i:03}.png", i % 4, f"{i + offset:064x}"[::-1]) for i in range(SAMPLES))
    logits = np.random.default_rng(seed).normal(size=(SAMPLES, 4)).astype(np.float32)
    labels = np.array([sample.label for sample in samples], np.int32)
    write_evidence(path, Dataset(path, samples, tuple("abcd"), "sha256:0"), judge(logits, labels))


def test_comparison_counts_who_alone_is_right(here: Engine, tmp_path: Path) -> None:
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    write(first, 1)
    write(second, 2)
    right, other = (read_evidence(path)["rank"] == 0 for path in (first, second))
    facts = json.loads(here("compare", first, second).output)
    assert facts["only_first"] == int(np.sum(right & ~other)) > 0
    assert facts["only_second"] == int(np.sum(~right & other)) > 0
    assert facts["samples"] == SAMPLES == sum(facts[key] for key in ("both", "neither", "only_first", "only_second"))
    assert 0 < facts["p_value"] <= 1
    assert facts["difference"] == pytest.approx(100 * (right.mean() - other.mean()))
    assert facts["low"] < facts["difference"] < facts["high"]


def test_comparing_a_run_with_itself_finds_no_difference(here: Engine, tmp_path: Path) -> None:
    write(tmp_path / "run.npz", 1)
    facts = json.loads(here("compare", tmp_path / "run.npz", tmp_path / "run.npz").output)
    assert (facts["only_first"], facts["only_second"], facts["p_value"]) == (0, 0, 1.0)


def test_runs_on_other_samples_are_not_compared(here: Engine, tmp_path: Path) -> None:
    write(tmp_path / "run.npz", 1)
    write(tmp_path / "other.npz", 1, offset=1)
    outcome = here("compare", tmp_path / "run.npz", tmp_path / "other.npz")
    assert outcome.status == 2
    assert "different samples" in outcome.errors


def write_older(path: Path, **columns: npt.NDArray[np.generic]) -> None:
    """Write the file as it was before the samples' digests were one."""
    keys = np.frombuffer(b"".join(bytes.fromhex(f"{i:064x}"[::-1][:16]) for i in range(SAMPLES)), np.uint8)
    np.savez_compressed(path, allow_pickle=False, sample=keys.reshape(-1, 8), **columns)


def test_older_evidence_is_compared_with_todays(here: Engine, tmp_path: Path) -> None:
    write(tmp_path / "run.npz", 1)
    today = read_evidence(tmp_path / "run.npz")
    older = {name: today[name] for name in ("top", "score", "rank")} | {"margin": np.zeros(SAMPLES, np.float32)}
    write_older(tmp_path / "older.npz", **older)
    facts = json.loads(here("compare", tmp_path / "run.npz", tmp_path / "older.npz").output)
    assert (facts["samples"], facts["only_first"], facts["only_second"]) == (SAMPLES, 0, 0)


def test_older_evidence_of_several_labels_is_read_as_places(tmp_path: Path) -> None:
    logits = np.random.default_rng(0).normal(size=(SAMPLES, 3)).round(1).astype(np.float32)
    write_older(tmp_path / "older.npz", logit=logits, label=np.ones((SAMPLES, 3), np.int8))
    places = read_evidence(tmp_path / "older.npz")["place"]
    for column, found in zip(logits.T, places.T, strict=True):
        assert found.tolist() == [sorted(set(column.tolist()), reverse=True).index(value) for value in column.tolist()]


def draw_samples(count: int) -> tuple[Sample, ...]:
    return tuple(Sample(f"{i}.png", 0, hashlib.sha256(b"%d" % i).hexdigest()) for i in range(count))


@pytest.mark.parametrize(("scale", "lead"), [(0.05, 0.0), (1.0, 6.0), (2.0, 8.0), (3.0, 0.0)])
def test_a_thousand_classes_take_at_most_twenty_bytes_a_sample(scale: float, lead: float, tmp_path: Path) -> None:
    random, count = np.random.default_rng(0), 3000
    labels = random.integers(0, 1000, count).astype(np.int32)
    logits = random.normal(scale=scale, size=(count, 1000)).astype(np.float32)
    logits[np.arange(count), labels] += (lead + random.normal(scale=lead / 3, size=count)).astype(np.float32)
    names = tuple(map(str, range(1000)))
    outcomes = classification.judge(logits, labels)
    stored = write_evidence(tmp_path / "run.npz", Dataset(tmp_path, draw_samples(count), names, "sha256:0"), outcomes)
    assert stored["bytes"] == (tmp_path / "run.npz").stat().st_size
    # The archive's own directory is as large for any number of samples.
    assert (tmp_path / "run.npz").stat().st_size <= 20 * count + 1500
    columns = read_evidence(tmp_path / "run.npz")
    assert columns["top"].tolist() == outcomes.top.tolist()
    assert columns["rank"].tolist() == outcomes.rank.tolist()
    assert columns["score"] / 65535 == pytest.approx(outcomes.scores, abs=1e-5)
    assert columns["margin"].astype(float) == pytest.approx(outcomes.margin, rel=1e-3, abs=1e-6)


def test_several_labels_take_half_of_what_their_scores_would(tmp_path: Path) -> None:
    random, count = np.random.default_rng(0), 4000
    logits = random.normal(size=(count, 20)).round(2).astype(np.float32)
    labels = random.choice([1, 0, -1], p=[0.07, 0.01, 0.92], size=(count, 20)).astype(np.int32)
    dataset = Dataset(tmp_path, draw_samples(count), tuple(map(str, range(20))), "sha256:0")
    write_evidence(tmp_path / "run.npz", dataset, multilabel.judge(logits, labels))
    assert (tmp_path / "run.npz").stat().st_size <= 50 * count
    columns = read_evidence(tmp_path / "run.npz")
    again = multilabel.judge(-columns["place"].astype(np.float32), columns["label"].astype(np.int32))
    keys = ("map", "map11")
    assert multilabel.score(again, keys) == multilabel.score(multilabel.judge(logits, labels), keys)


def write_array(header: str = "") -> bytes:
    """Return an array's file, with a header of one's own that is written as long as it says."""
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3, np.uint8))
    if not header:
        return buffer.getvalue()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def pack_members(content: bytes, *, flags: int = 0, method: int = 0) -> bytes:
    """Return an archive of one member that says of itself what zipfile does not write."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rank.npy", content)
    data = bytearray(buffer.getvalue())
    # Local header and directory say it both.
    for place in (6, data.index(b"PK\x01\x02") + 8):
        data[place : place + 4] = struct.pack("<HH", flags, method)
    return bytes(data)


HEADER = "{'descr': '|u1', 'fortran_order': False, 'shape': (%s,)}\n"
NO_EVIDENCE = {
    "empty": b"",
    "text": b"no archive",
    "broken archive": b"PK\x03\x04" + bytes(60),
    "array": write_array(),
    "encrypted": pack_members(write_array(), flags=1),
    "unknown compression": pack_members(write_array(), method=77),
    "all memory": pack_members(write_array(HEADER % 10**15)),
    "more than a number": pack_members(write_array(HEADER % 10**30)),
    "shape of texts": pack_members(write_array(HEADER % "'a'")),
}


@pytest.mark.parametrize("content", NO_EVIDENCE.values(), ids=NO_EVIDENCE)
def test_file_that_is_no_evidence_is_refused(here: Engine, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.npz").write_bytes(content)
    outcome = here("compare", tmp_path / "run.npz", tmp_path / "run.npz")
    assert outcome.status == 2
    assert outcome.errors.startswith("run.npz is no evidence file")


@pytest.mark.parametrize(
    "rank", [[], [0, 0], [[0]] * SAMPLES, ["a"] * SAMPLES], ids=["none", "too few", "two dimensions", "texts"]
)
def test_evidence_of_other_columns_is_refused(here: Engine, tmp_path: Path, rank: list[object]) -> None:
    write(tmp_path / "run.npz", 1)
    np.savez(
        tmp_path / "odd.npz", allow_pickle=False, **(read_evidence(tmp_path / "run.npz") | {"rank": np.array(rank)})
    )
    for first, second in (("run", "odd"), ("odd", "run"), ("odd", "odd")):
        outcome = here("compare", tmp_path / f"{first}.npz", tmp_path / f"{second}.npz")
        assert (outcome.status, outcome.errors) == (
            2,
            "odd.npz is no evidence file; a run writes one with --evidence.\n",
        )
