"""What load balancers and alarms are told."""

import datetime as dt
import re
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from evaluation.devices import find_devices
from leaderboard.models import Run, Worker
from leaderboard.queries.backlog import PASSES_MISSED
from leaderboard.services.running import runs
from leaderboard.services.running.attempts import enqueue
from leaderboard.services.running.transitions import move
from portal import health
from portal.settings import keep_in_redis
from tests.factories import claim_run, make_benchmark, make_submission, make_user
from tests.processes import WorkerProcess, wait_until

pytestmark = pytest.mark.django_db


def see_worker(*, ago_seconds: float = 0, box: str = "bwrap", queue: str = "cpu") -> Worker:
    at = timezone.now() - dt.timedelta(seconds=ago_seconds)
    name = f"host/{ago_seconds}/{box}/{queue}"
    return Worker.objects.create(name=name, queues=[queue], box=box, started_at=at, seen_at=at)


def test_alive_answers_without_a_database(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_ready_names_every_check(client: Client) -> None:
    see_worker()
    response = client.get("/readyz")
    assert response.status_code == 200, response.content
    body = response.json()
    assert body["status"] == "ready"
    assert set(body["checks"]) == {"database", "broker", "cache", "storage", "workers", "queue", "sandbox"}
    assert body["checks"]["database"] == {"ok": True, "detail": connection.vendor}
    assert not default_storage.listdir("health")[1]


def test_worker_seen_a_minute_ago_is_not_alive(client: Client) -> None:
    see_worker(ago_seconds=61)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["workers"] == {"ok": False, "detail": "0 seen in the last 60 s"}


def test_scheduler_alone_evaluates_nothing(client: Client) -> None:
    see_worker(queue="control")
    assert client.get("/readyz").json()["checks"]["workers"] == {"ok": False, "detail": "0 seen in the last 60 s"}


def wait_in_queue(ago_seconds: float) -> Run:
    user, at = make_user(), timezone.now() - dt.timedelta(seconds=ago_seconds)
    return enqueue(make_submission(make_benchmark(), user), by=user, at=at)


def test_what_waits_and_what_is_stalled_is_told_with_its_age(client: Client) -> None:
    see_worker()
    run = wait_in_queue(700)
    check = client.get("/readyz").json()["checks"]["queue"]
    assert check["ok"]
    assert re.fullmatch("1 waiting, the oldest for 70[0-9] s; 0 stalled", check["detail"])
    move(
        run.submission,
        "stalled",
        by="worker",
        at=timezone.now() - dt.timedelta(seconds=500),
        reason="Its disk is full.",
    )
    Run.objects.update(state="cancelled", finished_at=timezone.now())
    assert client.get("/readyz").json()["checks"]["queue"] == {
        "ok": True,
        "detail": "0 waiting, the oldest for 0 s; 1 stalled",
    }
    assert re.search(r"^veriboard_stalled_oldest_seconds 50\d\.", client.get("/metrics").content.decode(), re.M)


def test_lost_runs_that_nobody_takes_back_fail_readiness(client: Client, settings: Settings) -> None:
    see_worker()
    run = wait_in_queue(3600)
    late = PASSES_MISSED * settings.RECONCILE_SECONDS + settings.LEASE_SECONDS
    claim_run(run, at=timezone.now() - dt.timedelta(seconds=late - 2))
    assert client.get("/readyz").status_code == 200
    Run.objects.update(lease_expires_at=timezone.now() - dt.timedelta(seconds=late))
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "1 not taken back from lost workers: is the scheduler running?" in response.content.decode()
    assert "veriboard_leases_overdue 1.0" in client.get("/metrics").content.decode()
    runs.reconcile(at=timezone.now())
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(("allowed", "status"), [(False, 503), (True, 200)])
def test_worker_without_isolation_is_told(client: Client, settings: Settings, allowed: bool, status: int) -> None:
    settings.ALLOW_OPEN_BOX = allowed
    see_worker(box="bwrap")
    see_worker(box="none")
    response = client.get("/readyz")
    assert response.status_code == status
    assert "no isolation" in response.json()["checks"]["sandbox"]["detail"]


def test_storage_that_takes_no_file_fails_readiness_without_telling_paths(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    see_worker()
    blocker = tmp_path / "files"
    blocker.write_text("a file where a folder should be")
    settings.MEDIA_ROOT = blocker
    response = client.get("/readyz")
    assert response.status_code == 503
    check = response.json()["checks"]["storage"]
    assert not check["ok"]
    assert str(tmp_path) not in check["detail"]


def test_broker_that_does_not_answer_fails_readiness(client: Client, unreachable_broker: None) -> None:
    see_worker()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert [name for name, check in response.json()["checks"].items() if not check["ok"]] == ["broker"]


def test_migrations_that_nobody_ran_fail_readiness(client: Client) -> None:
    see_worker()
    MigrationRecorder(connection).migration_qs.filter(app="leaderboard").delete()
    response = client.get("/readyz")
    assert response.status_code == 503
    check = response.json()["checks"]["database"]
    assert not check["ok"]
    assert re.fullmatch(r"\d+ migrations were not run; run manage.py migrate", check["detail"])


def test_database_that_is_away_is_waited_for_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def be_away() -> health.Check:
        asked.append(1)
        raise OperationalError

    for name in ("database", *health.ASKED_OF_DATABASE):
        monkeypatch.setitem(health.CHECKS, name, be_away)
    answer = client.get("/readyz")
    assert (answer.status_code, len(asked)) == (503, 1)
    checks = answer.json()["checks"]
    assert {name for name, check in checks.items() if not check["ok"]} >= {"database", *health.ASKED_OF_DATABASE}
    assert checks["cache"]["ok"]


def test_cache_that_keeps_nothing_fails_readiness(client: Client, settings: Settings) -> None:
    """Redis that is away is such a cache, see portal.settings."""
    see_worker()
    settings.CACHES = {"default": keep_in_redis("redis://127.0.0.1:1/0")}
    response = client.get("/readyz")
    assert response.status_code == 503
    assert [name for name, check in response.json()["checks"].items() if not check["ok"]] == ["cache"]


def test_metrics_tell_the_queue(client: Client) -> None:
    see_worker()
    see_worker(queue="control")
    text = client.get("/metrics").content.decode()
    assert 'veriboard_runs{state="queued"} 0.0' in text
    assert 'veriboard_submissions{state="stalled"} 0.0' in text
    assert "veriboard_queue_oldest_seconds 0.0" in text
    assert "veriboard_workers_alive 1.0" in text
    assert "veriboard_gpu_alive 0.0" in text
    assert 'veriboard_parts{state="waiting"} 0.0' in text
    assert "django_http_requests_total" in text


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_real_worker_makes_the_portal_ready(client: Client, worker: WorkerProcess) -> None:
    assert wait_until(lambda: client.get("/readyz").status_code == 200), worker.log
    said = Worker.objects.get()
    assert said.devices == [str(device) for device in find_devices()]
    # It was started for all queues.
    assert ("gpu" in said.queues) == said.has_gpu
    assert "cpu" in said.queues
