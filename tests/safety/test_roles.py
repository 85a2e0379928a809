"""Every route of ours, for everyone, read and written to: the answer is the one the table names, and never a crash."""

from collections.abc import Iterator

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from leaderboard.models import BoardFacts, Challenge, Dataset, Result, Split, Submission, Upload, Webhook
from leaderboard.samples import name_thumbnail
from leaderboard.services.running import workers
from leaderboard.services.submitting import uploads
from tests.factories import make_user
from tests.visitor import walk
from tests.web import conftest as web
from tests.web.conftest import Stage

stage = web.stage
ROLES = ("anyone", "other", "owner", "staff")
# What GET and POST answer: one word for everyone, or one for each role. "in" is a redirect to the sign-in.
FILE = ("200", "405")
OWN = ("in 200 200 200", "in 200 200 200")
STAFF = ("in 403 403 302", "in 403 403 302")
ROUTES = {
    "healthz": FILE,
    "readyz": FILE,
    "metrics": FILE,
    "i18n/setlang/": ("302", "302"),
    "api/v1/": FILE,
    "api/v1/schema/": FILE,
    "api/v1/docs/": FILE,
    "api/v1/tasks/": FILE,
    "api/v1/tasks/<slug:slug>/": FILE,
    "api/v1/datasets/": FILE,
    "api/v1/datasets/<slug:slug>/": FILE,
    "api/v1/benchmarks/": FILE,
    "api/v1/benchmarks/<slug:slug>/": FILE,
    "api/v1/benchmarks/<slug:slug>/leaderboard/": FILE,
    "api/v1/models/": FILE,
    "api/v1/models/<slug:slug>/": FILE,
    "api/v1/submissions/": ("401 200 200 200", "401 400 400 400"),
    "api/v1/submissions/<uuid:pk>/": ("401 404 200 200", "401 405 405 405"),
    "api/v1/submissions/<uuid:pk>/cancel/": ("401 405 405 405", "401 404 409 409"),
    "api/v1/submissions/<uuid:pk>/log/": ("401 404 200 200", "401 405 405 405"),
    "api/v1/uploads/": ("401 405 405 405", "401 400 400 400"),
    "api/v1/uploads/<uuid:pk>/": ("401 404 200 404", "401 405 405 405"),
    "api/v1/webhooks/": ("401 200 200 200", "401 415 415 415"),
    "api/v1/webhooks/<uuid:pk>/": ("401 404 200 404", "401 405 405 405"),
    "api/v1/webhooks/<uuid:pk>/deliveries/": ("401 404 200 404", "401 405 405 405"),
    "api/v1/results/<uuid:pk>/": FILE,
    "api/v1/results/<uuid:pk>/attestation/": FILE,
    "api/v1/results/<uuid:pk>/evidence/": FILE,
    r"api/v1/[\s\S]*/": ("404", "404"),
    "": FILE,
    "tasks/": FILE,
    "tasks/<slug:slug>/": FILE,
    "datasets/": FILE,
    "datasets/<slug:slug>/": FILE,
    "datasets/<slug:slug>/samples/<slug:digest>/<int:place>.webp": FILE,
    "models/": FILE,
    "models/<slug:slug>/": FILE,
    "entries/<int:pk>/": FILE,
    "entries/<int:pk>/challenge/": ("in 200 200 200", "in 400 400 400"),
    "challenges/": ("in 200 200 200", "in 405 405 405"),
    "papers/<int:pk>/": FILE,
    "people/<str:username>/": FILE,
    "changes/": FILE,
    "changes/feed.atom": FILE,
    "search/": FILE,
    "how-we-verify/": FILE,
    "benchmarks/<slug:slug>/": FILE,
    "benchmarks/<slug:slug>/findings/": FILE,
    "benchmarks/<slug:slug>/export.<str:format>": FILE,
    "benchmarks/<slug:slug>/card.png": FILE,
    "benchmarks/<slug:slug>/feed.atom": FILE,
    "badges/<slug:benchmark>/<slug:model>.svg": FILE,
    "badges/<slug:benchmark>/<slug:model>/": ("302", "405"),
    "compare/": FILE,
    "submit/": ("in 200 200 200", "in 400 400 400"),
    "submit/protocol/": FILE,
    "submit/check/": ("in 405 405 405", "in 400 400 400"),
    "submit/uploads/<uuid:pk>/delete/": ("in 302 302 302", "in 404 302 404"),
    "submissions/": ("in 200 200 200", "405"),
    "submissions/<uuid:pk>/": FILE,
    "submissions/<uuid:pk>/cancel/": ("in 302 302 302", "in 403 302 302"),
    "submissions/<uuid:pk>/classes.csv": FILE,
    "submissions/<uuid:pk>/evidence/": FILE,
    "submissions/<uuid:pk>/attestation.json": FILE,
    "moderation/": ("in 403 403 200", "in 403 403 405"),
    "moderation/workers/": ("in 403 403 200", "in 403 403 405"),
    "moderation/audit/": ("in 403 403 200", "in 403 403 405"),
    "moderation/challenges/": ("in 403 403 200", "in 403 403 405"),
    "moderation/challenges/<int:pk>/": STAFF,
    "moderation/claims/<slug:slug>/": STAFF,
    "moderation/decide/": ("in 403 403 302", "in 403 403 404"),
    "moderation/repair/<slug:slug>/<slug:digest>/": STAFF,
    "moderation/<str:action>/<str:target>/": STAFF,
    "account/": OWN,
    "account/notices/": ("in 302 302 302", "in 302 302 302"),
    "account/webhooks/": ("in 200 200 200", "in 400 400 400"),
    "account/webhooks/<uuid:pk>/": ("in 404 200 404", "in 404 404 404"),
    "account/delete/": ("in 200 200 200", "in 400 400 400"),
    "notices/stop/<str:token>/": ("404", "404"),
    "attestation-key.pem": FILE,
}
# Where a submission is not settled it is its submitter's and the staff's alone.
UNSETTLED = {
    "api/v1/submissions/<uuid:pk>/": ("401 404 200 200", "401 405 405 405"),
    "api/v1/submissions/<uuid:pk>/cancel/": ("401 405 405 405", "401 404 200 200"),
    "api/v1/submissions/<uuid:pk>/log/": ("401 404 200 200", "401 405 405 405"),
    "submissions/<uuid:pk>/": ("404 404 200 200", "405"),
    "submissions/<uuid:pk>/cancel/": ("in 302 302 302", "in 404 302 302"),
    "submissions/<uuid:pk>/classes.csv": ("404", "405"),
    "submissions/<uuid:pk>/evidence/": ("404", "405"),
    "submissions/<uuid:pk>/attestation.json": ("404", "405"),
    "moderation/<str:action>/<str:target>/": STAFF,
}


def routes_of_ours() -> list[str]:
    """Return our routes; those under admin/ and accounts/ come from packages."""
    return [route for route in walk(get_resolver().url_patterns) if not route.startswith(("admin/", "accounts/"))]


@pytest.fixture
def clients(stage: Stage) -> dict[str, Client]:
    """A visitor of each role, on a stage where there is also a worker, and evidence to download."""
    workers.announce("worker-a", queues=["cpu"], box="bwrap", at=timezone.now())
    Result.objects.get(run__submission=stage.verified).evidence.save("evidence.npz", ContentFile(b"evidence"))
    show_sample(stage.digits.split)
    BoardFacts.objects.update(card=default_storage.save("cards/card.png", ContentFile(b"card")))
    Challenge.objects.create(entry_id=stage.verified.entry_id or 0, text="Look again.", created_at=timezone.now())
    uploads.begin(by=stage.owner, name="net.pth", size=10, at=timezone.now())
    people = {"anyone": None, "other": make_user("eva"), "owner": stage.owner, "staff": stage.admin}
    clients = {role: Client(raise_request_exception=False) for role in ROLES}
    for role, user in people.items():
        if user:
            clients[role].force_login(user)
    return clients


def show_sample(split: Split) -> None:
    """Store a small image of the first sample."""
    default_storage.save(name_thumbnail(split.digest, 0), ContentFile(b"image"))
    Split.objects.filter(pk=split.pk).update(thumbnails=1)
    Dataset.objects.filter(pk=split.dataset_id).update(shows_samples=True)


def fill_in(route: str, stage: Stage, submission: Submission) -> str:
    """Return an address of the route at which something is."""
    entry, result = stage.verified.entry, Result.objects.get(run__submission=stage.verified)
    cited = stage.imagenet.entries.filter(model__paper__isnull=False)[0].model
    assert entry
    kind = route.removeprefix("api/v1/").partition("/")[0]
    upload = Upload.objects.first()
    webhook = Webhook.objects.get().pk
    objects = {"results": result.pk, "webhooks": webhook, "account": webhook} | (
        {"uploads": upload.pk, "submit": upload.pk} if upload else {}
    )
    slugs = {"tasks": "image-classification", "models": entry.model.slug}
    numbers = {"papers": cited.paper_id, "moderation": Challenge.objects.values_list("pk", flat=True).first()}
    values = {
        "<slug:slug>": slugs.get(kind, "digits"),
        "<slug:digest>/<int:place>": f"{stage.digits.split.short_digest}/0",
        "<slug:digest>": "forged",
        "<int:pk>": str(numbers.get(kind, entry.pk)),
        "<uuid:pk>": str(objects.get(kind, submission.pk)),
        "<str:username>": stage.owner.username,
        "<str:format>": "csv",
        "<slug:benchmark>": "digits",
        "<slug:model>": entry.model.slug,
        "<str:action>/<str:target>": f"rerun/{submission.pk}",
        "<str:token>": "forged",
        r"[\s\S]*": "nothing",
    }
    for part, value in values.items():
        route = route.replace(part, value)
    return "/" + route


def ask(client: Client, method: str, address: str) -> str:
    """Return the answer's code, "in" for the sign-in; what it changed is undone."""
    with transaction.atomic():
        answer: HttpResponse = getattr(client, method)(address, {"reason": "because"})
        # The client closes a file that it has read.
        b"".join(answer)
        transaction.set_rollback(True)
    is_sign_in = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
    return "in" if is_sign_in else str(answer.status_code)


def find_faults(clients: dict[str, Client], address: str, expected: tuple[str, str]) -> Iterator[str]:
    for method, words in zip(("get", "post"), expected, strict=True):
        wanted = words.split() if " " in words else [words] * len(ROLES)
        given = [ask(clients[role], method, address) for role in ROLES]
        if given != wanted:
            yield f"{method.upper()} {address} gives {dict(zip(ROLES, given, strict=True))}, not {wanted}"


def test_table_names_every_route() -> None:
    assert set(routes_of_ours()) == set(ROUTES)


def test_everyone_gets_what_the_table_says(stage: Stage, clients: dict[str, Client]) -> None:
    faults: list[str] = []
    for submission, table in ((stage.verified, ROUTES), (stage.waiting, UNSETTLED)):
        for route, expected in table.items():
            faults += find_faults(clients, fill_in(route, stage, submission), expected)
    assert faults == []


def test_admin_pages_are_for_staff(stage: Stage, clients: dict[str, Client]) -> None:
    routes = [route for route in walk(get_resolver().url_patterns) if route.startswith("admin/")]
    closed = [route for route in routes if "login" not in route and "logout" not in route and "(?P" not in route]
    assert len(closed) > 100
    for route in closed:
        address = "/" + route.replace("<path:object_id>", "1")
        for role in ("anyone", "owner"):
            assert clients[role].get(address)["Location"].startswith("/admin/login/"), address


def test_nothing_is_written_without_the_token_of_a_form(stage: Stage) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(stage.admin)
    answers = {
        route: ask(client, "post", fill_in(route, stage, stage.waiting))
        for route, (_get, post) in ROUTES.items()
        if {"200", "302", "400"} & set(post.split())
    }
    assert len(answers) > 10
    assert {route: answer for route, answer in answers.items() if answer != "403"} == {}
