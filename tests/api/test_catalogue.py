"""Tasks, datasets, benchmarks and models, as lists and one by one."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from leaderboard.models import Benchmark, Model
from tests.api.conftest import read_problem


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("tasks", {"slug", "name", "description", "parent", "benchmarks", "resources"}),
        ("datasets", {"slug", "name", "version", "licence", "description", "homepage_url", "splits"}),
        ("benchmarks", {"slug", "task", "dataset", "split", "protocol", "metrics", "tolerance", "takes_submissions"}),
        ("models", {"slug", "name", "architecture", "parameters", "paper_url", "weights"}),
    ],
)
def test_list_and_object_have_the_same_fields(
    anyone: APIClient, imagenet: Benchmark, kind: str, fields: set[str]
) -> None:
    listed = anyone.get(f"/api/v1/{kind}/").json()["results"]
    assert [item["slug"] for item in listed] == sorted(item["slug"] for item in listed)
    for item in listed:
        assert anyone.get(f"/api/v1/{kind}/{item['slug']}/").json() == item
        assert fields <= set(item)


def test_benchmark_names_its_metrics_in_order(anyone: APIClient, imagenet: Benchmark) -> None:
    body = anyone.get(f"/api/v1/benchmarks/{imagenet.slug}/").json()
    assert [metric["key"] for metric in body["metrics"]] == ["top1", "top5"]
    assert body["metrics"][0]["label"] == "Acc@1"
    assert body["takes_submissions"] is False


def test_catalogue_speaks_the_language_that_is_asked_for(anyone: APIClient, imagenet: Benchmark) -> None:
    names = {
        language: anyone.get("/api/v1/tasks/image-classification/", headers={"accept-language": language}).json()[
            "name"
        ]
        for language in ("en", "zh-hans")
    }
    assert names == {"en": "Image classification", "zh-hans": "图像分类"}


def test_pages_of_a_list_hold_every_model_once(anyone: APIClient, imagenet: Benchmark) -> None:
    address, found = "/api/v1/models/?page_size=4", []
    while address:
        page = anyone.get(address).json()
        found += [item["slug"] for item in page["results"]]
        address = page["next"]
    assert found == sorted(Model.objects.values_list("slug", flat=True))


@pytest.mark.parametrize("kind", ["tasks", "datasets", "benchmarks", "models"])
def test_length_of_a_list_costs_no_queries(
    anyone: APIClient, imagenet: Benchmark, kind: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(3):
        anyone.get(f"/api/v1/{kind}/")


@pytest.mark.parametrize(
    "address",
    ["tasks/nothing/", "benchmarks/nothing/leaderboard/", "nothing/", "models/a%00b/", "models/a%0Ab/", "results/1/"],
)
def test_address_that_is_none_is_a_problem_object(anyone: APIClient, imagenet: Benchmark, address: str) -> None:
    assert read_problem(anyone.get(f"/api/v1/{address}"), 404) == {}


@pytest.mark.parametrize("kind", ["tasks", "datasets", "benchmarks", "models", "benchmarks leaderboard"])
def test_what_is_missing_is_named_in_the_language_that_is_asked_for(
    anyone: APIClient, imagenet: Benchmark, kind: str
) -> None:
    listed, *part = kind.split()
    address = "/".join(["/api/v1", listed, "nothing", *part, ""])
    details = {
        language: anyone.get(address, headers={"accept-language": language}).json()["detail"]
        for language in ("en", "zh-hans")
    }
    assert details["en"] == f"There is no {listed[:-1]} “nothing”; /api/v1/{listed}/ lists them all."
    assert details["zh-hans"].startswith("没有名为“nothing”的")
    assert anyone.get(address, headers={"accept-language": "zh-CN"}).json()["title"] == "未找到"


@pytest.mark.parametrize("address", ["models/", "benchmarks/", "benchmarks/imagenet-val-single-crop/leaderboard/"])
@pytest.mark.parametrize("tags", ["{}", "W/{}", '"other", {}', "*"])
def test_what_a_script_has_already_is_not_sent_again(
    anyone: APIClient, imagenet: Benchmark, address: str, tags: str
) -> None:
    first = anyone.get(f"/api/v1/{address}")
    headers = {"if-none-match": tags.format(first["ETag"].removeprefix("W/"))}
    again = anyone.get(f"/api/v1/{address}", headers=headers)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("query", "field"), [("cursor=nonsense", "cursor"), ("page_size=0", "page_size"), ("page_size=many", "page_size")]
)
def test_page_that_is_none_is_refused_by_name(anyone: APIClient, imagenet: Benchmark, query: str, field: str) -> None:
    assert set(read_problem(anyone.get(f"/api/v1/models/?{query}"), 400)) == {field}


def test_catalogue_is_read_only_to_everybody(api: APIClient, anyone: APIClient, imagenet: Benchmark) -> None:
    for client in (api, anyone):
        read_problem(client.post("/api/v1/models/", {"name": "x"}), 405)
        read_problem(client.delete(f"/api/v1/benchmarks/{imagenet.slug}/"), 405)
