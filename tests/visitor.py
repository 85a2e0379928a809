"""Visit every address of the portal in a process of its own and print, as JSON, what answered and what got imported.

Run as `python -m tests.visitor`, so that nothing which pytest or another test imports is counted.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import django
from django.core.management import call_command
from django.test import Client
from django.test.runner import DiscoverRunner
from django.urls import URLPattern, URLResolver, get_resolver


def walk(patterns: Iterable[Any], prefix: str = "") -> Iterator[str]:
    """Return every route, with its view loaded, as one string such as `benchmarks/<slug:slug>/`."""
    for pattern in patterns:
        route = prefix + re.sub(r"^\^|\$$|\\Z$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            assert callable(pattern.callback)
            yield route


def plain(routes: Iterable[str]) -> list[str]:
    """Return the addresses of the routes that take no argument."""
    return ["/" + route for route in routes if not set("<(^?[") & set(route)]


def pages_of_objects() -> Iterator[str]:
    """Return the address of every catalogue object's page, and of its API object."""
    from leaderboard.models import Benchmark, Dataset, Model, Task

    for kind, model in (("tasks", Task), ("datasets", Dataset), ("benchmarks", Benchmark), ("models", Model)):
        for thing in model.objects.all():
            yield thing.get_absolute_url()
            yield f"/api/v1/{kind}/{thing.slug}/"
    for benchmark in Benchmark.objects.all():
        yield f"/api/v1/benchmarks/{benchmark.slug}/leaderboard/"


def visit(addresses: Iterable[str], *, as_admin: bool) -> dict[str, int]:
    from django.contrib.auth import get_user_model

    client = Client(raise_request_exception=True, SERVER_NAME="127.0.0.1")
    if as_admin:
        client.force_login(get_user_model().objects.create_superuser("admin", "admin@veriboard.example", "secret"))
    return {address: client.get(address).status_code for address in addresses if "logout" not in address}


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ.pop("DATABASE_URL", None)
    django.setup()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    call_command("import_leaderboard", "leaderboard/seed/catalogue.json", verbosity=0, stdout=sys.stderr)
    routes = list(walk(get_resolver().url_patterns))
    addresses = [*plain(routes), *pages_of_objects()]
    answers = {"anyone": visit(addresses, as_admin=False), "admin": visit(addresses, as_admin=True)}
    runner.teardown_databases(databases)
    print(json.dumps({"routes": routes, "answers": answers, "modules": sorted(sys.modules)}))


if __name__ == "__main__":
    main()
