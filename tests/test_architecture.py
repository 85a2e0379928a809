"""Who may import whom: read from the code, and seen in real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from importlinter.cli import lint_imports

from tests.processes import ROOT

HEAVY = {"torch", "torchvision", "timm", "onnx", "onnxruntime", "numpy", "PIL"}
PORTAL_SIDE = {"django", "celery", "rest_framework", "redis", "psycopg2"}


def run_python(*arguments: str, **variables: str) -> Any:
    """Run python in a fresh process and return what its last line says as JSON."""
    outcome = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout.splitlines()[-1])


def top_modules(names: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def test_import_contracts_hold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Every address of the portal, visited by anyone and by an admin."""
    return run_python("-m", "tests.visitor", VERIBOARD_TEST_DIR=str(tmp_path_factory.mktemp("visit")))


@pytest.mark.slow
def test_web_process_never_imports_torch_or_numpy(visit: Any) -> None:
    assert len(visit["routes"]) > 50
    assert top_modules(visit["modules"]) & HEAVY == set()
    assert "evaluation.engine" not in visit["modules"]


@pytest.mark.slow
@pytest.mark.parametrize("visitor", ["anyone", "admin"])
def test_every_page_answers(visit: Any, visitor: str) -> None:
    # /readyz is 503: no worker runs beside this visit.
    answers = {address: status for address, status in visit["answers"][visitor].items() if address != "/readyz"}
    assert answers["/"] == 200
    assert {address: status for address, status in answers.items() if status >= 500} == {}


def test_engine_loads_without_the_portal() -> None:
    code = "import json, sys, evaluation.engine.__main__; print(json.dumps(sorted(sys.modules)))"
    assert top_modules(run_python("-c", code)) & PORTAL_SIDE == set()


def test_rooms_beside_the_contract_are_standard_library_only() -> None:
    others = {"__init__", "tasks", "leases", "inputs", "folders", "attestation", "verify"}
    rooms = {path.stem for path in Path(ROOT, "evaluation").glob("*.py")} - others
    code = (
        f"import json, sys\nbefore = set(sys.modules)\nfor room in {sorted(rooms)}: __import__('evaluation.' + room)\n"
    )
    code += "print(json.dumps(sorted(set(sys.modules) - before)))"
    assert "contract" in rooms
    assert top_modules(run_python("-c", code)) - set(sys.stdlib_module_names) == {"evaluation"}
