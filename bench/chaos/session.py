"""One storm from an empty database to its table."""

import os
import random
import statistics
import time
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from knox.models import AuthToken

from bench.chaos import recovery
from bench.chaos.clients import Client
from bench.chaos.faults import Battlefield, draw_plan
from bench.chaos.processes import make_processes
from bench.chaos.recovery import Recovery
from bench.chaos.scene import Scene
from bench.chaos.storm import Storm
from bench.chaos.verdict import Verdict, judge
from bench.machine import describe_machine
from demo.words import draw_table, end_progress, say
from portal.accounts.models import User

WORKERS = 2
READY_SECONDS = 120
RECOVERY_TARGET_SECONDS = 30
SWEEP_SECONDS = 30


def run(folder: Path, scratch: Path | None, port: int, submissions: int, faults: int, seed: int) -> bool:
    """Print the tables; return whether nothing was lost, doubled, stuck or wrong."""
    begun, draw = time.monotonic(), random.Random(seed)
    packages = ("django", "celery", "redis", "torch", "onnxruntime")
    say(f"{describe_machine(*packages)}; {submissions} submissions, {faults} faults, seed {seed}, {WORKERS} workers")
    scene = prepare(folder)
    say("Evaluating each file undisturbed …")
    expected = scene.evaluate_undisturbed()
    logs = folder / "logs"
    logs.mkdir()
    battlefield = Battlefield(make_processes(port, WORKERS, logs), scratch, draw)
    client = Client(f"http://127.0.0.1:{port}", make_token())
    plan = draw_plan(faults, draw, has_scratch=scratch is not None)
    storm = Storm(battlefield, client, list(scene.plan(submissions)), plan, draw)
    try:
        start(battlefield, client)
        say("Killing workers in calm …")
        recoveries = recovery.measure(storm)
        say("The storm …")
        storm.rage()
        # Workers sweep what was left on their disk each time they announce themselves.
        wait_for_sweep(storm)
        end_progress()
    finally:
        for process in battlefield.processes.values():
            process.end()
    verdict = judge(storm, expected)
    report(storm, verdict, recoveries, time.monotonic() - begun)
    return verdict.is_clean


def prepare(folder: Path) -> Scene:
    with connection.cursor() as cursor:
        # The private database is quick and forgetful; here what it has acknowledged must outlive it.
        cursor.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = on")
    connection.close()
    call_command("migrate", verbosity=0)
    scene = Scene(folder)
    scene.prepare()
    return scene


def make_token() -> str:
    user = User.objects.create_user("storm", email="storm@veriboard.example", password=None)
    return str(AuthToken.objects.create(user=user)[1])


def start(battlefield: Battlefield, client: Client) -> None:
    """Raises: RuntimeError where the portal does not get ready."""
    for process in battlefield.processes.values():
        process.start()
    deadline = time.monotonic() + READY_SECONDS
    while client.call("/readyz").status != 200:
        if time.monotonic() > deadline:
            raise RuntimeError(f"The portal is not ready after {READY_SECONDS} s: {client.call('/readyz').body}")
        time.sleep(0.5)
    client.answers.clear()


def wait_for_sweep(storm: Storm) -> None:
    deadline = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < deadline:
        storm.tick()


def report(storm: Storm, verdict: Verdict, recoveries: list[Recovery], took: float) -> None:
    rows = [
        (kind, str(len(hits)), str(sum(hit.is_busy for hit in hits))) for kind, hits in sorted(storm.struck.items())
    ]
    poisoned = len(storm.slain)
    rows.append(("poison file kills its worker", str(poisoned), str(poisoned)))
    total = sum(len(hits) for hits in storm.struck.values()) + poisoned
    say("\n" + draw_table(("fault", "struck", "hit work"), [*rows, ("together", str(total), "")]) + "\n")
    count = len(storm.plan)
    figures = [
        ("lost", f"{len(verdict.lost)} of {count}"),
        ("doubled", f"{len(verdict.doubled)} of {count}"),
        ("stuck", f"{len(verdict.stuck)} of {count}"),
        ("wrong end or wrong bytes", f"{len(verdict.wrong)} of {count}"),
        ("left behind (rows, folders, files)", str(len(verdict.left))),
        ("how they ended", ", ".join(f"{n} {state}" for state, n in sorted(verdict.states.items()))),
        ("attempts", ", ".join(f"{n} {state}" for state, n in sorted(verdict.attempts.items()))),
        ("killed worker noticed, in calm", tell_seconds([each.noticed for each in recoveries])),
        ("… and another one goes on", tell_seconds([each.resumed for each in recoveries])),
        ("poison file", "; ".join(verdict.poison) or "none"),
        (
            "answers of the API",
            ", ".join(f"{n} × {status or 'none'}" for status, n in sorted(storm.client.answers.items())),
        ),
        ("took", f"{took / 60:.1f} minutes; load at the end {os.getloadavg()[0]:.1f}"),
    ]
    say(draw_table(("", ""), figures))
    for line in (*verdict.lost, *verdict.doubled, *verdict.stuck, *verdict.wrong, *verdict.left):
        say(f"  {line}")


def tell_seconds(seconds: list[float]) -> str:
    if not seconds:
        return "not measured"
    told = f"median {statistics.median(seconds):.1f} s, at most {max(seconds):.1f} s of {len(seconds)}"
    return f"{told} (target ≤ {RECOVERY_TARGET_SECONDS} s)"
