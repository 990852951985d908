"""What other services change is in search while the catalog serves: names, and who has installed what."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text, update

from cathouse.database import DatabaseUrl
from cathouse.schema import CatSearch, SearchWord, User
from tests.fixtures.catalog import until_counted
from tests.fixtures.gaps import until_somebody_waits_for_a_lock
from tests.fixtures.house import House, run_house
from tests.fixtures.waiting import until

pytestmark = pytest.mark.usefixtures("quick_renewal")


VOIDED = update(CatSearch).values(documented_at=None, document=text("''::tsvector"), words=[])
"""What a revision does that wants documents to be made anew."""


async def found(house: House, question: str) -> list[str]:
    page = (await house.call("catalog", "GET", f"/api/v1/cats?{question}")).json()
    return [item["name"] for item in page["items"]]


async def until_found(house: House, question: str, names: list[str]) -> None:
    async def is_found() -> bool:
        return await found(house, question) == names

    await until(is_found)


async def test_popular_is_what_is_installed_and_lives(house: House) -> None:
    developer = await house.register("developer")
    first, second = [await house.publish(developer, name=name) for name in ("Lonely", "Loved")]
    assert await found(house, "sort=newest") == ["Loved", "Lonely"]
    players = [await house.register() for _ in range(2)]
    homes = [await house.install(player, first) for player in players]
    await house.install(players[0], second)
    await until_counted(house, first, 2)
    assert await found(house, "sort=popular") == ["Lonely", "Loved"]
    for player, home in zip(players, homes, strict=True):
        path = f"/api/v1/installations/{home['id']}"
        await house.call("installation", "DELETE", path, person=player, expect=204)
    await until_counted(house, first, 0)
    assert await found(house, "sort=popular") == ["Loved", "Lonely"]


async def test_a_developers_new_name_is_found_and_the_old_one_is_not(house: House) -> None:
    developer = await house.register("developer")
    await house.publish(developer, name="Named")
    body = {"display_name": "Xanthippe Moewe"}
    await house.call("auth", "PATCH", "/api/v1/users/me", body, person=developer)
    await until_found(house, "search=xanthippe", ["Named"])
    await house.call("auth", "PATCH", "/api/v1/users/me", {"display_name": "Somebody"}, person=developer)
    await until_found(house, "search=xanthippe", [])


async def test_a_process_that_starts_makes_up_for_what_it_has_missed(house: House, clean_db: DatabaseUrl) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, name="Asleep")
    await house.execute(  # long ago, and nobody looked since
        update(CatSearch).values(documented_at=text("now() - interval '1 day'"), popularity=7),
        update(User).where(User.id == developer.id).values(display_name="Rip van Wrinkle"),
    )
    await house.install(player, cat)
    async with run_house(clean_db) as again:
        await until_found(again, "search=wrinkle", ["Asleep"])
        await until_counted(again, cat, 1)


async def test_documents_that_a_revision_has_voided_are_made_anew(house: House) -> None:
    cat = await house.publish(await house.register("developer"), name="Voided", description="Knits jumpers.")
    await house.execute(VOIDED, text("TRUNCATE cathouse.search_words"))
    await until_found(house, "search=jumpers", ["Voided"])
    await until_found(house, "search=jumprs", ["Voided"])
    assert cat["name"] == "Voided"


async def test_a_document_that_is_voided_while_its_cat_changes_loses_no_word(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer, name="Voided", description="Knits jumpers.")
    with house.engine.connect() as revision, revision.begin():
        for statement in (VOIDED, text("TRUNCATE cathouse.search_words")):
            await asyncio.to_thread(revision.execute, statement)
        body = {"description": "Knits jumpers and hats."}
        change = house.call("catalog", "PATCH", f"/api/v1/cats/{cat['id']}", body, person=developer)
        changing = asyncio.create_task(change)
        await until_somebody_waits_for_a_lock(house.engine)
    await changing
    with house.engine.connect() as connection:
        assert {"voided", "knits", "jumpers", "hats"} <= set(connection.scalars(select(SearchWord.word)))


async def test_a_developer_and_the_renewal_do_not_count_a_word_twice(house: House) -> None:
    developer = await house.register("developer")
    cats = [await house.publish(developer, description="alpaca") for _ in range(4)]

    async def rewrite(cat: dict[str, Any]) -> None:
        for text_ in ("badger", "alpaca badger", "badger cormorant"):
            path = f"/api/v1/cats/{cat['id']}"
            await house.call("catalog", "PATCH", path, {"description": text_}, person=developer)

    async def rename() -> None:
        for number in range(6):
            body = {"display_name": f"Developer {number}"}
            await house.call("auth", "PATCH", "/api/v1/users/me", body, person=developer)
            await asyncio.sleep(0.1)

    await asyncio.gather(*(rewrite(cat) for cat in cats), rename())
    await until_found(house, "search=developer+5&sort=name", sorted((cat["name"] for cat in cats), key=str.lower))
    with house.engine.connect() as connection:
        rows = connection.execute(select(SearchWord.word, SearchWord.cats))
        words = {row.word: row.cats for row in rows}
    assert {word: words.get(word) for word in ("alpaca", "badger", "cormorant")} == {
        "alpaca": None,
        "badger": 4,
        "cormorant": 4,
    }
