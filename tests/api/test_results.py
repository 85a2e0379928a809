"""Results: open to all, with evidence and attestation."""

import base64
import hashlib
import json
import uuid

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from leaderboard.models import Result
from tests.api.conftest import read_problem


def address(result: Result) -> str:
    return f"/api/v1/results/{result.pk}/"


def test_result_tells_its_report_and_verdict(anyone: APIClient, verified: Result) -> None:
    body = anyone.get(address(verified)).json()
    assert body["report"]["metrics"]["top1"]["value"] == 81.03
    assert (body["status"], body["verdict"]) == ("mismatch", "below")
    assert body["benchmark"] == "digits"
    assert body["submission"] == str(verified.run.submission_id)


def test_submission_leads_to_its_result(api: APIClient, verified: Result) -> None:
    for body in (
        api.get(f"/api/v1/submissions/{verified.run.submission_id}/").json(),
        api.get("/api/v1/submissions/").json()["results"][0],
    ):
        assert body["result"] == str(verified.pk)


def test_evidence_is_the_file_whose_digest_is_told(anyone: APIClient, verified: Result) -> None:
    response = anyone.get(f"{address(verified)}evidence/")
    content = response.getvalue()
    assert content == b"per-sample predictions"
    assert response["Content-Type"] == "application/octet-stream"
    assert "attachment" in response["Content-Disposition"]
    assert anyone.get(address(verified)).json()["evidence_sha256"] == hashlib.sha256(content).hexdigest()


def test_attestation_is_a_signed_statement_about_the_result(anyone: APIClient, verified: Result) -> None:
    envelope = anyone.get(f"{address(verified)}attestation/").json()
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["predicate"]["result"] == str(verified.pk)
    assert len(envelope["signatures"]) == 1


def test_result_without_evidence_says_so(anyone: APIClient, verified: Result) -> None:
    Result.objects.update(evidence="")
    response = anyone.get(f"{address(verified)}evidence/")
    read_problem(response, 404)
    assert "no evidence" in response.json()["detail"]


@pytest.mark.parametrize("part", ["", "evidence/", "attestation/"])
def test_result_of_a_hidden_entry_is_not_there(anyone: APIClient, api: APIClient, verified: Result, part: str) -> None:
    verified.entry.is_hidden = True
    verified.entry.save()
    for client in (anyone, api):
        read_problem(client.get(f"{address(verified)}{part}"), 404)


@pytest.mark.parametrize("part", ["", "evidence/", "attestation/"])
def test_result_that_is_none_is_not_there(anyone: APIClient, verified: Result, part: str) -> None:
    response = anyone.get(f"/api/v1/results/{uuid.uuid4()}/{part}")
    read_problem(response, 404)
    assert response.json()["detail"].startswith("There is no such result")


def test_result_costs_few_queries(
    anyone: APIClient, verified: Result, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(2):
        anyone.get(address(verified))
