"""P1 and P1b: one cat at 32 connections: catalog-service as shipped, beside the shortest way and the usual one."""

from collections.abc import Mapping
from functools import partial
from itertools import islice

import httpx

from benchmarks.baselines.running import baseline
from benchmarks.crowd import crowd, fill
from benchmarks.figures import Figure, checkout, running
from benchmarks.load import Call, Load, press, wrk
from benchmarks.rounds import Side, compare, ratios
from cathouse.database import SHARES
from cathouse.database.engine import make_migration_engine

ROUNDS = 5
SECONDS = 3.0
CONNECTIONS = 32
CATS = 1_000
ASKED = 200
"""Different cats in turn: what is saved when many ask for the same one is not what is measured."""

WHOLE, BARE, USUAL = "catalog-service", "Starlette + asyncpg", "FastAPI + ORM"


def measure() -> list[Figure]:
    """All three in turn, medians over the rounds."""
    wrk()
    calls = [Call("GET", f"/api/v1/cats/{cat.id}") for cat in islice(crowd(CATS), ASKED)]
    with checkout() as folder, running(folder) as stack:
        fill(make_migration_engine(stack.databases.migration), CATS)
        variables = {
            "DATABASE_URL": stack.databases.migration.for_libpq(),  # a service's login has no connection to spare
            "POOL": str(SHARES["catalog"].total),
        }
        with (
            baseline("bare_catalog", folder, variables) as bare,
            baseline("usual_catalog", folder, variables) as usual,
        ):
            urls = {WHOLE: stack.urls["catalog"], BARE: bare, USUAL: usual}
            _check_same(urls, calls)
            sides: Mapping[str, Side] = {name: partial(_press, url, calls) for name, url in urls.items()}
            loads = compare(sides, rounds=ROUNDS, seconds=SECONDS)
    whole = loads[WHOLE]
    figures = []
    for name, each in loads.items():
        figures.append(Figure.of_rounds("P1", f"one cat, {name}", [load.rate for load in each], "/s"))
        figures.append(Figure.of_rounds("P1", f"one cat, {name}, p99", [load.p99_ms for load in each], "ms"))
    rate, p99 = ratios(whole, loads[BARE], lambda load: load.rate), ratios(whole, loads[BARE], lambda load: load.p99_ms)
    usual_rate = ratios(whole, loads[USUAL], lambda load: load.rate)
    return [
        *figures,
        Figure.of_rounds("P1", f"{WHOLE} / {BARE}", rate, "", "≥ 0.8"),
        Figure.of_rounds("P1", f"{WHOLE} / {BARE}, p99", p99, "", "≤ 2"),
        Figure.of_rounds("P1b", f"{WHOLE} / {USUAL}", usual_rate, "", "≥ 4"),
    ]


def _press(url: str, calls: list[Call], seconds: float) -> Load:
    return press(url, calls, connections=CONNECTIONS, seconds=seconds)


def _check_same(urls: Mapping[str, str], calls: list[Call]) -> None:
    """Every side answers the same bytes.

    Raises:
        RuntimeError: they are not compared at the same work.
    """
    answers = {name: _bodies(url, calls) for name, url in urls.items()}
    for name, bodies in answers.items():
        for one, other in zip(bodies, answers[WHOLE], strict=True):
            if one != other:
                raise RuntimeError(f"{name} and {WHOLE} answer differently: {one!r} {other!r}")


def _bodies(url: str, calls: list[Call]) -> list[bytes]:
    with httpx.Client(base_url=url, trust_env=False) as http:
        return [call.answer(http).content for call in calls]
