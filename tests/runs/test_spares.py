"""A box that has waited gives what a box of its own gives, to the byte, and none outlives its worker."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from evaluation import sandbox
from evaluation.contract import DatasetSpec, EvaluationSpec, Protocol, WeightsSpec
from evaluation.executor import Finished, Places, execute, name_environment, start_waiting
from evaluation.spares import Spare, start_spare
from tests.processes import wait_until
from tests.small import ARCHITECTURE, write_images, write_weights

pytestmark = pytest.mark.slow
SETTLED_SECONDS = 3


@pytest.fixture
def spec(tmp_path: Path) -> EvaluationSpec:
    write_images(tmp_path / "images")
    return EvaluationSpec(
        WeightsSpec(str(write_weights(tmp_path / "weights.safetensors")), ARCHITECTURE),
        DatasetSpec(str(tmp_path / "images")),
        Protocol(32, 32),
    )


@pytest.fixture(params=["box", "open"], autouse=True)
def _confinement(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both as here and as on a machine where nothing can isolate a process, which the demo accepts."""
    if request.param == "open":
        monkeypatch.setattr(sandbox, "status", lambda: sandbox.Status("none", "as if bwrap were missing"))


@pytest.fixture
def spare(tmp_path: Path) -> Iterator[Spare]:
    spare = start_waiting(tmp_path / "spares", has_gpu=False, allow_open=True)
    assert spare is not None
    yield spare
    spare.discard()


def evaluate(spec: EvaluationSpec, work: Path, spare: Spare | None = None) -> Finished:
    outcome = execute(
        spec,
        Places(work, work.parent / "store"),
        watch=lambda progress: True,
        timeout_seconds=120,
        allow_open=True,
        spare=spare,
    )
    assert isinstance(outcome, Finished), outcome
    return outcome


def name_facts(outcome: Finished) -> dict[str, object]:
    return {name: fact for name, fact in outcome.report.environment.items() if name != "peak_memory_bytes"}


def test_waiting_box_gives_the_bytes_of_one_that_was_started(
    spec: EvaluationSpec, spare: Spare, tmp_path: Path
) -> None:
    time.sleep(SETTLED_SECONDS)
    waited, started = evaluate(spec, tmp_path / "waited", spare), evaluate(spec, tmp_path / "started")
    assert waited.evidence is not None
    assert started.evidence is not None
    assert waited.evidence.read_bytes() == started.evidence.read_bytes()
    assert name_facts(waited) == name_facts(started)
    assert not spare.is_waiting
    assert not spare.root.exists()


def test_run_that_comes_before_the_box_has_started_waits_for_it(spec: EvaluationSpec, tmp_path: Path) -> None:
    spare = start_waiting(tmp_path / "spares", has_gpu=False, allow_open=True)
    assert evaluate(spec, tmp_path / "at-once", spare).report.metrics


def test_attempt_that_goes_on_gets_a_box_of_its_own(spec: EvaluationSpec, spare: Spare, tmp_path: Path) -> None:
    first = evaluate(spec, tmp_path / "work")
    again = evaluate(spec, tmp_path / "work", spare)
    assert again.report.evidence == first.report.evidence
    assert not spare.root.exists()


def test_spare_ends_when_its_worker_lets_go(spare: Spare) -> None:
    time.sleep(0.5)
    assert spare.is_waiting
    spare.line.close()
    assert wait_until(lambda: not spare.is_waiting, 20)


def test_discarding_leaves_no_process_behind(tmp_path: Path) -> None:
    """As of a box whose starter is ended while it sets it up: it has let go of all by which it would notice."""
    guard = ("sh", "-c", 'sleep 600 </dev/null >/dev/null 2>&1 & exec "$@"', "sh")
    spare = start_spare(tmp_path / "spares", guard, name_environment(), gpu=False, allow_open=True)
    assert wait_until(lambda: len(list_group(spare.process.pid)) > 1, 20)
    spare.discard()
    assert wait_until(lambda: list_group(spare.process.pid) == [], 10)


def list_group(number: int) -> list[int]:
    """Return the living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, group = stat.read_text().rpartition(")")[2].split()[:3]
            found += [int(stat.parent.name)] if int(group) == number and state != "Z" else []
    return found
