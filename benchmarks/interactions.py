"""P3: a word to a cat that answers at once, at 32 connections: proxy-service as shipped, and others that pass it on.

Most of the others neither ask who may talk to the cat, nor sign, nor check what comes back: what that costs is seen
beside them. One does the same work by the shortest usual way (P3b).
"""

from collections.abc import Sequence
from functools import partial

import httpx

from benchmarks.baselines.running import baseline, nginx
from benchmarks.figures import Figure
from benchmarks.load import Call, Load, press, wrk
from benchmarks.rounds import Side, compare, ratios
from benchmarks.scene import scene, talk
from cathouse.local.stack import Stack

ROUNDS = 4
SECONDS = 3.0
CONNECTIONS = 32
PLAYERS, CATS, CATALOG = 2, 32, 1_000
"""64 installations in turn: none has more than 5 words under way, which is what an installation is held to."""

WHOLE, BARE, LIBRARY, CEILING = "proxy-service", "ASGI + aiohttp", "fastapi-proxy-lib", "nginx"
DUTIFUL = "ASGI + asyncpg + aiohttp, signed"


def measure() -> list[Figure]:
    """All in turn, medians over the rounds; without nginx where it is not installed."""
    wrk()
    with (
        scene() as here,
        baseline("bare_proxy", here.folder, {"CAT_URL": f"{here.cat}/"}) as bare,
        baseline("library_proxy", here.folder, {"CAT_URL": here.cat}) as library,
        baseline("signing_proxy", here.folder, {"CAT_URL": f"{here.cat}/", **_database(here.stack)}) as dutiful,
        nginx(here.folder, here.cat) as ceiling,
    ):
        homes = here.settle(players=PLAYERS, cats=CATS, catalog=CATALOG)
        calls = [talk(home) for home in homes]
        urls = {WHOLE: here.proxy, BARE: bare, DUTIFUL: dutiful, LIBRARY: library}
        if ceiling is None:
            print("P3 without nginx, which is not installed: `make bench-tools` (Debian), as root")
        else:
            urls[CEILING] = ceiling
        for url in urls.values():
            _check(url, calls)
        sides: dict[str, Side] = {name: partial(_press, url, calls) for name, url in urls.items()}
        loads = compare(sides, rounds=ROUNDS, seconds=SECONDS)
    figures = []
    for name, each in loads.items():
        figures.append(Figure.of_rounds("P3", f"a word to a cat, {name}", [load.rate for load in each], "/s"))
        figures.append(Figure.of_rounds("P3", f"a word to a cat, {name}, p99", [load.p99_ms for load in each], "ms"))
    for number, name, bar in (
        ("P3", BARE, "≥ 0.6"),
        ("P3b", DUTIFUL, "≥ 0.8"),
        ("P3", LIBRARY, "≥ 4"),
        ("P3", CEILING, ""),
    ):
        if name in loads:
            ratio = ratios(loads[WHOLE], loads[name], lambda load: load.rate)
            figures.append(Figure.of_rounds(number, f"{WHOLE} / {name}", ratio, "", bar))
    return figures


def _database(stack: Stack) -> dict[str, str]:
    """A login that has a connection to spare, which a service's has not."""
    return {"DATABASE_URL": stack.databases.migration.for_libpq()}


def _press(url: str, calls: Sequence[Call], seconds: float) -> Load:
    return press(url, calls, connections=CONNECTIONS, seconds=seconds)


def _check(url: str, calls: Sequence[Call]) -> None:
    with httpx.Client(base_url=url, trust_env=False) as http:
        for call in calls:
            if call.answer(http).json() != {"output": 1}:
                raise RuntimeError(f"{url} passed on something else than what the cat said")
