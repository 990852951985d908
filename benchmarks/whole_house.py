"""P6: 500 clients on all four services at once, reading and writing: connections to Postgres, failures, patience."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from sqlalchemy import text

from benchmarks.crowd import crowd, vocabulary
from benchmarks.figures import Figure
from benchmarks.homes import Home
from benchmarks.load import Call, press_all, wrk
from benchmarks.scene import meanwhile, scene, talk
from cathouse.database.budget import DEFAULT_BUDGET
from cathouse.database.engine import make_migration_engine
from cathouse.database.urls import DatabaseUrl
from cathouse.local.stack import Stack
from cathouse.web import SERVICES

ROUNDS = 3
SECONDS = 6.0
CLIENTS = 500
PLAYERS, CATS, CATALOG = 10, 50, 1_000
"""500 installations, for 125 clients that talk: none has more than 5 words under way, no cat more than 50."""

_COUNT = text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
_EVERY_S = 0.1


def measure() -> list[Figure]:
    """A few rounds; a quarter of the clients at each service."""
    wrk()
    with scene() as here:
        homes = here.settle(players=PLAYERS, cats=CATS, catalog=CATALOG)
        loads = usual_loads(here.stack, here.proxy, homes)
        with _counted_connections(here.stack.databases.migration) as counts:
            found = [press_all(loads, connections=CLIENTS // len(loads), seconds=SECONDS) for _ in range(ROUNDS)]
    failed = sum(load.errors for each in found for load in each)
    figures = [
        Figure("P6", f"{CLIENTS} clients: connections to Postgres at most", max(counts), "", f"≤ {DEFAULT_BUDGET}"),
        Figure("P6", f"{CLIENTS} clients: failed calls", failed, "", "≤ 0"),
    ]
    for name, rounds in zip(SERVICES, zip(*found, strict=True), strict=True):
        what = f"{CLIENTS} clients: {name}-service"
        figures.append(Figure.of_rounds("P6", what, [load.rate for load in rounds], "/s"))
        patience = [load.p99_ms / load.p50_ms for load in rounds]
        figures.append(Figure.of_rounds("P6", f"{what}, p99 / p50", patience, "", "≤ 5"))
    return figures


def usual_loads(stack: Stack, proxy: str, homes: list[Home]) -> dict[str, list[Call]]:
    """What each service is asked, by its URL, in the order of ``SERVICES``; each call was answered once."""
    loads = {
        stack.urls["auth"]: _accounts(homes),
        stack.urls["catalog"]: _catalog(),
        stack.urls["installation"]: _installations(homes),
        proxy: [talk(home) for home in homes],
    }
    for url, calls in loads.items():
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
            for call in calls:
                call.answer(http)
    return loads


def _accounts(homes: list[Home]) -> list[Call]:
    """The profile four times, then a change of it."""
    calls = []
    for token in dict.fromkeys(home.access_token for home in homes):
        calls += [Call("GET", "/api/v1/users/me", token)] * 4
        calls.append(Call("PATCH", "/api/v1/users/me", token, '{"display_name":"Mia"}'))
    return calls


def _catalog() -> list[Call]:
    """Four cats, then a list or a search."""
    words = vocabulary(20_000)
    calls = []
    for cat in crowd(200):
        calls.append(Call("GET", f"/api/v1/cats/{cat.id}"))
        if cat.number % 8 == 3:
            calls.append(Call("GET", "/api/v1/cats?sort=newest"))
        elif cat.number % 8 == 7:
            calls.append(Call("GET", f"/api/v1/cats?search={words[500 + cat.number]}"))
    return calls


def _installations(homes: list[Home]) -> list[Call]:
    """A player's lists, and a cat that remembers something and looks it up."""
    calls = []
    for home in homes:
        calls.append(Call("PUT", "/api/v1/cat/storage/visits", home.callback_token, "7"))
        calls += [Call("GET", "/api/v1/cat/storage/visits", home.callback_token)] * 2
        calls.append(Call("GET", "/api/v1/installations", home.access_token))
        calls.append(Call("GET", "/api/v1/notifications", home.access_token))
    return calls


@contextmanager
def _counted_connections(database: DatabaseUrl) -> Iterator[list[int]]:
    """How many there are, besides the one that counts, now and again until the block is left."""
    counts: list[int] = []
    with (
        make_migration_engine(database).connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        meanwhile(lambda: counts.append(connection.scalar(_COUNT) or 0), every_s=_EVERY_S),
    ):
        yield counts
