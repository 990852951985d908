"""What lists and searches cost in a catalog of 20,000 cats: how many rows Postgres visits for a page, and how."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from benchmarks.crowd import crowd, fill, vocabulary
from catalog_service.search import repository
from catalog_service.search.repository import Filters
from catalog_service.search.schemas import Sort
from catalog_service.search.text import words_asked
from catalog_service.search_index import repository as search_index
from catalog_service.similar import repository as similar
from cathouse.database import AnyRow, DatabaseUrl
from cathouse.schema import PermissionType
from tests.fixtures.plans import MOST_VISITED, Explainer, check, explaining

CATS = 20_000
PAGE = 21
NOTHING = Filters(search=None, tags=(), permission_type=None, developer_id=None, drafts=False)
WORDS = vocabulary(20_000)
FIRST = next(iter(crowd(1)))


@pytest.fixture
def crowded(clean_db: DatabaseUrl, owner_engine: Engine) -> DatabaseUrl:
    fill(owner_engine, CATS)
    return clean_db


LISTS: dict[str, dict[str, Any]] = {
    "all": {},
    "tag": {"tags": (WORDS[120],)},
    "tags": {"tags": (WORDS[120], WORDS[121])},
    "permission": {"permission_type": PermissionType.STORAGE},
    "developer": {"developer_id": FIRST.developer_id},
}
SEARCHES = {
    "rare": WORDS[10_000],
    "in some": WORDS[500],
    "in most": WORDS[0],
    "all in most": f"{WORDS[0]} {WORDS[1]} {WORDS[2]}",
    "one rare": f"{WORDS[400]} {WORDS[9_000]}",
    "two rare": f"{WORDS[0]} {WORDS[9_000]} {WORDS[9_001]}",
    "a name": FIRST.name,
    "a beginning": WORDS[3][:2],
    "unknown": "qwxyz",
}


async def test_no_page_scans_a_table(crowded: DatabaseUrl, subtests: pytest.Subtests) -> None:
    """One test, so that the catalog is filled once."""
    async with explaining(crowded) as explainer:
        for name, sort in product(LISTS, (Sort.NEWEST, Sort.POPULAR, Sort.NAME)):
            with subtests.test(name, sort=sort):
                await pages_visit_little(explainer, replace(NOTHING, **LISTS[name]), sort)
        for name, typed in SEARCHES.items():
            with subtests.test(name):
                words, filters = words_asked(typed), replace(NOTHING, search=typed)
                found = await find(explainer, filters, Sort.RELEVANCE, words=words)
                check(await explainer.visits(), 4 * MOST_VISITED)
                assert bool(found) == (name != "unknown")
        for name, typed in SEARCHES.items():
            for sort in (Sort.NEWEST, Sort.NAME, Sort.POPULAR):
                with subtests.test(name, sort=sort):
                    words, filters = words_asked(typed), replace(NOTHING, search=typed)
                    await find(explainer, filters, sort, words=words)
                    check(await explainer.visits(), 2 * MOST_VISITED)
        for name, typed in {**SEARCHES, "nothing": ""}.items():
            with subtests.test("facets", of=name):
                words, filters = words_asked(typed), replace(NOTHING, search=typed or None)
                sort = Sort.RELEVANCE if words else Sort.NEWEST
                asked: dict[str, Any] = {"words": words, "meaning": None, "most_tags": 50}
                await repository.count_facets(explainer.session, filters, sort, **asked)
                check(await explainer.visits())
        with subtests.test("within a tag"):
            filters = replace(NOTHING, search=WORDS[0], tags=(WORDS[120],))
            assert await find(explainer, filters, Sort.RELEVANCE, words=words_asked(WORDS[0]))
            check(await explainer.visits())
        with subtests.test("spelling"):
            typed = WORDS[5_000][:-1] + "x"
            await repository.look_up(explainer.session, words_asked(f"{typed} {typed}s"))
            check(await explainer.visits())
        with subtests.test("similar"):
            assert await similar.find_by_text(explainer.session, FIRST.id, limit=10)
            check(await explainer.visits(), 2 * MOST_VISITED)
        with subtests.test("what others have changed"):
            now = await explainer.session.scalar(select(func.now()))
            await search_index.list_stale(explainer.session, since=now, after=None, limit=50)
            check(await explainer.visits())


async def find(explainer: Explainer, filters: Filters, sort: Sort, **changes: Any) -> Sequence[AnyRow]:
    asked: dict[str, Any] = {"words": [], "meaning": None, "after": None, "limit": PAGE, **changes}
    return await repository.find_cats(explainer.session, filters, sort, **asked)


async def pages_visit_little(explainer: Explainer, filters: Filters, sort: Sort) -> None:
    """The first page, and one far behind."""
    first = await find(explainer, filters, sort)
    check(await explainer.visits())
    assert first or len(filters.tags) > 1
    if len(first) == PAGE:
        deep = {Sort.NEWEST: first[-1].sort_key, Sort.POPULAR: 2, Sort.NAME: "n"}[sort]
        await find(explainer, filters, sort, after=(deep, uuid.UUID(int=0)))
        check(await explainer.visits())
