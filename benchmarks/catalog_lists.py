"""P2: what a page of the catalog takes with 1,000, 10,000 and 100,000 cats: lists, searches, pages far behind.

``CATS=1000000`` in the environment measures up to so many instead.
"""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.crowd import crowd, fill, vocabulary
from benchmarks.figures import Figure, checkout, free_port
from cathouse.database.engine import make_migration_engine
from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.processes import start, stop, wait_until_ready
from cathouse.local.settings import HOST, StackSettings, service_environment
from cathouse.local.state import LocalState
from cathouse.upkeep.creation import make_database
from cathouse.upkeep.migrations import upgrade

SIZES = (1_000, 10_000, 100_000)
BAR_SIZE = 100_000
ROUNDS = 20
NOT_COUNTED = 5
"""Rounds at the beginning: connections are opened, statements planned, pages read from disk."""

DEEP = 800
"""Cats that are behind when a page is far behind; of a search, half as many."""

PAGE = 40

SERVER = {"shared_buffers": "512MB"}
"""100,000 cats are 300 MB, with the smaller catalogs beside them: what is measured is search, and not a cold disk."""

FILL_TIMEOUT_S = 1_200


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog-service with so many cats; a light client, so that its own time is no part of the figures."""

    size: int
    connection: HTTPConnection

    def get(self, path: str) -> bytes:
        """The answer's body."""
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status} {body!r}")
        return body

    def page(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """A page of the catalog."""
        found: dict[str, Any] = json.loads(self.get(_path(asked)))
        return found


def measure() -> list[Figure]:
    """All sizes beside one another on one server: rounds of a call of each kind to each, in shuffled order."""
    sizes = _sizes()
    with checkout() as folder, _server(folder) as server, ExitStack() as running:
        catalogs = [running.enter_context(_catalog(folder, server, size)) for size in sizes]
        found = _medians(catalogs)
    figures = []
    for kind, by_size in found.items():
        figures += [Figure("P2", f"{kind}, {size:,} cats", by_size[size], "ms") for size in sizes]
        for size in sizes:
            if size >= BAR_SIZE:
                bar = "≤ 1.5" if size == BAR_SIZE else ""
                ratio = by_size[size] / by_size[sizes[0]]
                figures.append(Figure("P2", f"{kind}, {size:,} / {sizes[0]:,} cats", ratio, "", bar))
    return figures


def _sizes() -> list[int]:
    try:
        largest = int(os.environ.get("CATS", SIZES[-1]))
    except ValueError:
        sys.exit(f"CATS={os.environ['CATS']}: a number of cats is expected")
    return [*(size for size in SIZES if size < largest), largest]


def _medians(catalogs: list[Catalog]) -> Mapping[str, Mapping[int, float]]:
    calls = {catalog.size: _calls(catalog) for catalog in catalogs}
    kinds = list(calls[catalogs[0].size])
    times: dict[str, dict[int, list[float]]] = {kind: {size: [] for size in calls} for kind in kinds}
    chance = random.Random(len(kinds))
    for number in range(NOT_COUNTED + ROUNDS):
        for kind in chance.sample(kinds, len(kinds)):
            for catalog in chance.sample(catalogs, len(catalogs)):
                began = time.perf_counter()
                catalog.get(calls[catalog.size][kind])
                if number >= NOT_COUNTED:
                    times[kind][catalog.size].append((time.perf_counter() - began) * 1000)
    return {kind: {size: statistics.median(each) for size, each in of.items()} for kind, of in times.items()}


def _calls(catalog: Catalog) -> Mapping[str, str]:
    words = vocabulary(20_000)
    lists = {sort: {"sort": sort} for sort in ("newest", "popular", "name")}
    searches = {
        "search, rare word": words[9_000],
        "search, word of 0.2 %": words[3_000],
        "search, word in some": words[500],
        "search, word in most": words[0],
        "search, two words": f"{words[0]} {words[300]}",
        "search, words few cats have": f"{words[500]} {words[3_000]} {words[9_000]}",
        "search, exact name": next(iter(crowd(1))).name,
        "search, typing error": f"{words[2_000][:-1]}xx",
    }
    often = {"search": words[0]}
    asked = {
        **lists,
        **{f"{sort}, far behind": _behind(catalog, list_, DEEP) for sort, list_ in lists.items()},
        "tag": {"tag": words[120]},
        **{kind: {"search": typed} for kind, typed in searches.items()},
        "search, far behind": _behind(catalog, often, DEEP // 2),
        "search, popular first": {"search": words[500], "sort": "popular"},
        "search, newest first": {"search": words[500], "sort": "newest"},
        "search within a tag": {"search": words[0], "tag": words[120]},
        "facets of a search": {"search": words[500], "facets": "true"},
        "facets of all": {"facets": "true"},
    }
    return {**{kind: _path(each) for kind, each in asked.items()}, "tags": "/api/v1/tags"}


def _path(asked: Mapping[str, str]) -> str:
    return f"/api/v1/cats?{urlencode(asked)}"


def _behind(catalog: Catalog, asked: Mapping[str, str], cats: int) -> Mapping[str, str]:
    page = catalog.page({**asked, "limit": str(PAGE)})
    for _ in range(cats // PAGE - 1):
        page = catalog.page({**asked, "limit": str(PAGE), "cursor": page["next_cursor"]})
    return {**asked, "cursor": page["next_cursor"]}


@contextmanager
def _server(folder: Path) -> Iterator[EmbeddedPostgres]:
    state = LocalState(folder)
    server = EmbeddedPostgres(state.postgres, password=state.secret("POSTGRES_PASSWORD"), settings=SERVER)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _catalog(folder: Path, server: EmbeddedPostgres, size: int) -> Iterator[Catalog]:
    url = server.url(f"cats_{size}")
    make_database(server.url(), url.name)
    upgrade(url)
    # Before the service starts: then there is nothing that it has to catch up with while it is measured.
    fill(make_migration_engine(url, statement_timeout_s=FILL_TIMEOUT_S), size)
    state, port = LocalState(folder), free_port()
    settings: dict[str, Any] = {"_env_file": None, "catalog_port": port}
    environment = service_environment(
        "catalog",
        StackSettings(**settings),
        url,
        jwt_secret=state.secret("JWT_SECRET"),
        platform_secret=state.secret("PLATFORM_SECRET"),
        mails=state.mails,
    )
    ready_url = f"http://{HOST}:{port}/health/ready"
    log = state.logs / f"catalog-{size}.log"
    child = start(f"catalog-service-{size}", ("-m", "catalog_service"), environment, ready_url=ready_url, log=log)
    try:
        wait_until_ready([child])
        yield Catalog(size, HTTPConnection(HOST, port, timeout=60))
    finally:
        stop([child])
