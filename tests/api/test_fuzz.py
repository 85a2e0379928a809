"""Requests drawn from the schema, sane and insane: no fault of ours, no answer that the schema does not name."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from leaderboard.models import Benchmark, Result, Submission
from leaderboard.services.submitting import uploads
from leaderboard.services.telling import webhooks
from portal.accounts.models import User
from portal.wsgi import application
from tests.api.conftest import make_token

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def kept_connection(db: None) -> Iterator[None]:
    """Let requests end without closing the connection whose transaction is the test's, as Django's own client does."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


def serve(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer as a server does, which closes each response when it is sent."""
    response = application(environ, start_response)
    with closing(response):
        return [b"".join(response)]


@pytest.mark.slow
@pytest.mark.usefixtures("kept_connection")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_that_the_schema_names(
    imagenet: Benchmark, verified: Result, queued: Submission, lin: User, mode: GenerationMode
) -> None:
    stored = {
        "tasks": imagenet.task.slug,
        "datasets": imagenet.split.dataset.slug,
        "benchmarks": imagenet.slug,
        "models": verified.entry.model.slug,
        "submissions": str(queued.pk),
        "results": str(verified.pk),
        "uploads": str(uploads.begin(by=lin, name="net.pth", size=1000, at=timezone.now()).pk),
        "webhooks": str(webhooks.make("https://example.org/", ["run.finished"], by=lin, at=timezone.now()).pk),
    }
    headers = {"Authorization": f"Token {make_token(lin)}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", serve)
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr] # the schema is valid, see test_docs
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=40,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:
            if mode is GenerationMode.POSITIVE:
                # A name that is drawn is nowhere stored.
                case.path_parameters = dict.fromkeys(case.path_parameters, stored[case.path.split("/")[3]])
            case.call_and_validate(headers=headers, checks=CHECKS)

        check()
