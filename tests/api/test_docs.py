"""The API's own description: valid, complete, and readable in a browser under the content policy."""

import json

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect
from rest_framework.test import APIClient

from tests.api.conftest import read_problem

pytestmark = pytest.mark.django_db


def test_schema_is_valid_and_without_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True)
    assert capsys.readouterr().out.startswith("openapi: 3.1.0")


def test_schema_names_every_address_of_the_contract(anyone: APIClient) -> None:
    paths = anyone.get("/api/v1/schema/", headers={"accept": "application/json"}).json()["paths"]
    operations = {(path.removeprefix("/api/v1/"), method) for path, methods in paths.items() for method in methods}
    catalogue = {f"{kind}/{part}" for kind in ("tasks", "datasets", "benchmarks", "models") for part in ("", "{slug}/")}
    assert operations == {
        *((path, "get") for path in catalogue),
        ("benchmarks/{slug}/leaderboard/", "get"),
        *(("submissions/", method) for method in ("get", "post")),
        ("submissions/{id}/", "get"),
        ("submissions/{id}/cancel/", "post"),
        ("submissions/{id}/log/", "get"),
        ("uploads/", "post"),
        *(("webhooks/", method) for method in ("get", "post")),
        *(("webhooks/{id}/", method) for method in ("get", "patch", "delete")),
        ("webhooks/{id}/deliveries/", "get"),
        *(("uploads/{id}/", method) for method in ("get", "patch", "delete")),
        *((f"results/{{id}}/{part}", "get") for part in ("", "evidence/", "attestation/")),
    }


def test_schema_tells_how_many_rows_a_page_may_have(anyone: APIClient) -> None:
    paths = anyone.get("/api/v1/schema/", headers={"accept": "application/json"}).json()["paths"]
    sizes = {
        path: parameter["schema"]
        for path, methods in paths.items()
        for parameter in methods.get("get", {}).get("parameters", [])
        if parameter["name"] == "page_size"
    }
    assert "/api/v1/tasks/" in sizes
    assert "/api/v1/benchmarks/{slug}/leaderboard/" in sizes
    assert all(schema["minimum"] == 1 and schema["maximum"] >= 200 for schema in sizes.values())


def test_last_page_is_as_the_schema_says(anyone: APIClient) -> None:
    schemas = anyone.get("/api/v1/schema/", headers={"accept": "application/json"}).json()["components"]["schemas"]
    lists = [schema for name, schema in schemas.items() if name.startswith("Paginated")]
    assert lists
    for schema in lists:
        assert {tuple(schema["properties"][name]["type"]) for name in ("next", "previous")} == {("string", "null")}
    assert "nullable" not in json.dumps(schemas)


@pytest.mark.parametrize(
    ("method", "more", "status"),
    [("post", {}, 405), ("get", {"accept": "text/html"}, 406), ("get", {"accept": "x"}, 406)],
)
def test_refusals_of_the_schema_are_problem_objects(
    anyone: APIClient, method: str, more: dict[str, str], status: int
) -> None:
    # Its own renderers write YAML.
    read_problem(getattr(anyone, method)("/api/v1/schema/", headers=more), status)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_docs_open_in_a_browser_under_the_content_policy(live_portal: str, page: Page) -> None:
    response = page.goto(f"{live_portal}/api/v1/docs/")
    assert response is not None
    policy = response.header_value("content-security-policy") or ""
    assert "unsafe" not in policy
    expect(page.locator(".opblock")).to_have_count(27)
    page.locator(".opblock-summary-path", has_text="leaderboard").click()
    expect(page.get_by_text("key of the metric to sort by")).to_be_visible()
