"""P2: what a page of the catalog takes with 1,000, 10,000 and 100,000 cats: lists, searches, pages far behind."""

import random
import statistics
import time
from collections.abc import Mapping

import httpx

from benchmarks.crowd import crowd, fill, vocabulary
from benchmarks.figures import Figure, checkout, running
from cathouse.database.engine import make_migration_engine

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 40
DEEP_PAGES = 20


def measure() -> list[Figure]:
    """One stack after the other; in each, rounds of one call of each kind in shuffled order, and their medians."""
    found = {size: _medians(size) for size in SIZES}
    figures = []
    for kind, smallest in found[SIZES[0]].items():
        figures += [Figure("P2", f"{kind}, {size:,} cats", found[size][kind], "ms") for size in SIZES]
        ratio = found[SIZES[-1]][kind] / smallest
        figures.append(Figure("P2", f"{kind}, {SIZES[-1]:,} / {SIZES[0]:,} cats", ratio, "", "≤ 1.5"))
    return figures


def _medians(size: int) -> Mapping[str, float]:
    with checkout() as folder, running(folder) as stack:
        fill(make_migration_engine(stack.databases.migration), size)
        with httpx.Client(base_url=stack.urls["catalog"], timeout=60) as http:
            calls = _calls(http)
            times: dict[str, list[float]] = {kind: [] for kind in calls}
            chance = random.Random(size)
            for number in range(ROUNDS + 5):
                for kind in chance.sample(list(calls), len(calls)):
                    began = time.perf_counter()
                    http.get("/api/v1/cats", params=calls[kind]).raise_for_status()
                    if number >= 5:  # the first ones are not counted
                        times[kind].append((time.perf_counter() - began) * 1000)
    return {kind: statistics.median(each) for kind, each in times.items()}


def _calls(http: httpx.Client) -> Mapping[str, Mapping[str, str]]:
    words = vocabulary(20_000)
    lists = {sort: {"sort": sort} for sort in ("newest", "popular", "name")}
    deep = {f"{sort}, far behind": {**asked, "cursor": _deep(http, asked)} for sort, asked in lists.items()}
    return {
        **lists,
        **deep,
        "tag": {"tag": words[120]},
        "search, rare word": {"search": words[9_000]},
        "search, word in some": {"search": words[500]},
        "search, word in most": {"search": words[0]},
        "search, two words": {"search": f"{words[0]} {words[300]}"},
        "search, exact name": {"search": next(iter(crowd(1))).name},
        "search, typing error": {"search": f"{words[2_000][:-1]}xx"},
        "facets of a search": {"search": words[500], "facets": "true"},
    }


def _deep(http: httpx.Client, asked: Mapping[str, str]) -> str:
    cursor = ""
    for _ in range(DEEP_PAGES):
        given = {"cursor": cursor} if cursor else {}
        page = http.get("/api/v1/cats", params={**asked, **given, "limit": "40"}).raise_for_status().json()
        cursor = page["next_cursor"]
    return str(cursor)
