"""Which tier of search a cat is in: by its status at once, by its popularity soon; and what follows from tiers."""

import uuid
from collections.abc import Mapping

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.crowd import crowd, fill, vocabulary
from catalog_service.search import repository, tags
from catalog_service.search.repository import Filters
from catalog_service.search.repository import pages as page_statements
from catalog_service.search.schemas import Sort
from catalog_service.search.tags import TagCounts
from catalog_service.search.text import words_asked
from catalog_service.search_index import repository as search_index
from cathouse.database import Database, DatabaseUrl, write_portions
from cathouse.schema import LOWEST_TIER, TIER_ENDS, CatSearch
from tests.catalog.relevance.measuring import catalog_database
from tests.fixtures.house import House

WORDS = vocabulary(20_000)
EVERYWHERE = Filters(search=WORDS[0], tags=(), permission_type=None, developer_id=None, drafts=False)


def tier_of(engine: Engine, cat_id: str) -> int | None:
    with engine.connect() as connection:
        tier: int | None = connection.scalar(select(CatSearch.tier).where(CatSearch.cat_id == uuid.UUID(cat_id)))
        return tier


def tiers(engine: Engine) -> Mapping[uuid.UUID, int | None]:
    with engine.connect() as connection:
        return {row.cat_id: row.tier for row in connection.execute(select(CatSearch.cat_id, CatSearch.tier))}


async def test_a_tier_follows_the_status_whoever_changes_it(house: House) -> None:
    developer, admin = await house.register("developer"), await house.admin()
    draft = await house.draft(developer)
    assert tier_of(house.engine, draft["id"]) is None
    cat = await house.publish(developer)
    assert tier_of(house.engine, cat["id"]) == LOWEST_TIER
    path = f"/api/v1/cats/{cat['id']}"
    await house.call("catalog", "POST", f"{path}/unpublish", person=developer)
    assert tier_of(house.engine, cat["id"]) is None
    await house.call("catalog", "POST", f"{path}/publish", {}, person=developer)
    assert tier_of(house.engine, cat["id"]) == LOWEST_TIER
    await house.call("catalog", "POST", f"{path}/suspend", {"reason": "harmful"}, person=admin)
    assert tier_of(house.engine, cat["id"]) is None
    await house.call("catalog", "POST", f"{path}/reinstate", person=admin)
    assert tier_of(house.engine, cat["id"]) == LOWEST_TIER


@pytest.fixture
async def catalog(clean_db: DatabaseUrl) -> Database:
    return catalog_database(clean_db)


async def test_cats_move_into_the_tiers_of_their_popularity(
    clean_db: DatabaseUrl, owner_engine: Engine, catalog: Database
) -> None:
    fill(owner_engine, TIER_ENDS[1] + 100)
    right = tiers(owner_engine)
    assert [list(right.values()).count(tier) for tier in (0, 1, 2)] == [1_000, 3_000, 100]
    assert await write_portions(catalog, search_index.move_tiers) == 0
    with owner_engine.begin() as connection:  # as a revision leaves it that has just been run
        connection.execute(update(CatSearch).values(tier=LOWEST_TIER, tags=None, permission_types=None))
    assert await write_portions(catalog, search_index.move_tiers) == len(right)
    assert tiers(owner_engine) == right
    assert await write_portions(catalog, search_index.note_facets) == len(right)
    with owner_engine.connect() as connection:
        noted = connection.execute(select(CatSearch.cat_id, CatSearch.tags, CatSearch.permission_types)).all()
    expected = {cat.id: (list(cat.tags), [cat.permission] if cat.permission else []) for cat in crowd(len(right))}
    assert {row.cat_id: (row.tags, row.permission_types) for row in noted} == expected
    last = min(crowd(len(right)), key=lambda cat: (cat.popularity, cat.id)).id
    with owner_engine.begin() as connection:
        connection.execute(update(CatSearch).where(CatSearch.cat_id == last).values(popularity=1_000_000))
    # One goes up, and of each tier one makes room.
    assert await write_portions(catalog, search_index.move_tiers) == 3
    assert tiers(owner_engine)[last] == 0
    await catalog.close()


async def test_of_a_frequent_word_the_most_popular_cats_are_found_and_counted(
    clean_db: DatabaseUrl, owner_engine: Engine, catalog: Database
) -> None:
    fill(owner_engine, TIER_ENDS[1])
    words = words_asked(WORDS[0])

    async def found(session: AsyncSession) -> tuple[set[uuid.UUID], int, int]:
        rows = await repository.find_cats(
            session, EVERYWHERE, Sort.RELEVANCE, words=words, meaning=None, after=None, limit=5_000
        )
        counts = []
        for asked in (words, []):
            facets = await repository.count_facets(
                session, EVERYWHERE, Sort.RELEVANCE if asked else Sort.NEWEST, words=asked, meaning=None, most_tags=50
            )
            counts.append(next(row.cats for row in facets if row.facet == "cats"))
        return {row.id for row in rows}, *counts

    ids, counted, counted_of_all = await catalog.read(found)
    first = {cat_id for cat_id, tier in tiers(owner_engine).items() if tier == 0}
    assert len(ids) > repository.ENOUGH
    assert ids <= first
    assert counted == len(ids)
    assert counted_of_all == repository.MOST_COUNTED
    await catalog.close()


@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.NAME, Sort.POPULAR])
async def test_pages_in_an_order_hold_every_cat_that_has_the_word_once(
    clean_db: DatabaseUrl, owner_engine: Engine, catalog: Database, sort: Sort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frequent words are looked for cat by cat at first, and by index behind the last full page."""
    monkeypatch.setattr(page_statements, "FREQUENT", 100)
    page_statements._page.cache_clear()
    fill(owner_engine, 2_000)
    words = words_asked(WORDS[500])
    having = {cat.id for cat in crowd(2_000) if any(word.startswith(WORDS[500]) for word in _all_words(cat.name, cat))}

    async def page(session: AsyncSession, after: tuple[object, uuid.UUID] | None) -> list[tuple[object, uuid.UUID]]:
        rows = await repository.find_cats(session, EVERYWHERE, sort, words=words, meaning=None, after=after, limit=40)
        return [(row.sort_key, row.id) for row in rows]

    async def pages(session: AsyncSession) -> list[tuple[object, uuid.UUID]]:
        seen = await page(session, None)
        while more := await page(session, seen[-1]):
            seen += more
        return seen

    seen = await catalog.read(pages)
    page_statements._page.cache_clear()
    assert len(seen) == len(having) > 100
    assert {cat_id for _, cat_id in seen} == having
    assert [key for key, _ in seen] == sorted((key for key, _ in seen), reverse=sort != Sort.NAME)  # type: ignore[type-var]
    await catalog.close()


def _all_words(name: str, cat: object) -> list[str]:
    return [*name.lower().split(), *getattr(cat, "description", "").split(), *getattr(cat, "tags", ())]


async def test_tags_are_counted_once_a_minute(house: House, clean_db: DatabaseUrl) -> None:
    developer = await house.register("developer")
    now = 1_000.0
    catalog = catalog_database(clean_db)
    counts = TagCounts(catalog, clock=lambda: now)
    await house.publish(developer, tags=["home", "sleep"])
    assert [(tag.value, tag.cats) for tag in await counts.page(after=None, limit=9)] == [("home", 1), ("sleep", 1)]
    cat = await house.publish(developer, tags=["home"])
    now += tags.KEPT_S - 1
    assert [tag.cats for tag in await counts.page(after=None, limit=9)] == [1, 1]
    now += 1
    assert [tag.cats for tag in await counts.page(after=None, limit=9)] == [2, 1]
    assert [tag.value for tag in await counts.page(after=(2, "home"), limit=9)] == ["sleep"]
    await house.call("catalog", "POST", f"/api/v1/cats/{cat['id']}/unpublish", person=developer)
    now += tags.KEPT_S
    assert [tag.cats for tag in await counts.page(after=None, limit=9)] == [1, 1]
    await catalog.close()
