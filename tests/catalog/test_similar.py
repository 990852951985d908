"""Cats like a cat."""

from typing import Any

from sqlalchemy import Engine, update

from cathouse.schema import CatSearch
from tests.fixtures.house import House

CATS = "/api/v1/cats"


async def similar(house: House, cat: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await house.call("catalog", "GET", f"{CATS}/{cat['slug']}/similar", **changes)).json()
    return answer


def point(engine: Engine, cat: dict[str, Any], *direction: float, model: str = "m") -> None:
    """Give the cat a vector."""
    vector = [*direction, *[0.0] * (1024 - len(direction))]
    with engine.begin() as connection:
        statement = update(CatSearch).where(CatSearch.cat_id == cat["id"])
        connection.execute(statement.values(embedding=vector, embedding_model=model))


async def test_without_vectors_words_and_tags_are_compared(house: House) -> None:
    developer = await house.register("developer")
    texts = {
        "Baker": ("Sourdough bread and slow dough.", ["baking", "cooking"]),
        "Oven": ("Rolls, pies, bread.", ["baking"]),
        "Stew": ("Soup for winter.", ["cooking"]),
        "Runner": ("Marathons.", ["sport"]),
    }
    cats = {
        name: await house.publish(developer, name=name, description=text, tags=tags)
        for name, (text, tags) in texts.items()
    }
    found = await similar(house, cats["Baker"])
    assert found["basis"] == "text"
    names = [item["name"] for item in found["items"]]
    assert names[:2] == ["Oven", "Stew"]
    assert "Baker" not in names
    assert len((await similar(house, cats["Oven"], expect=200))["items"]) <= 3


async def test_with_vectors_meanings_of_one_model_are_compared(house: House) -> None:
    developer = await house.register("developer")
    cats = [await house.publish(developer, name=f"Cat {number}") for number in range(5)]
    point(house.engine, cats[0], 1, 0)
    point(house.engine, cats[1], 0.9, 0.1)
    point(house.engine, cats[2], 0.5, 0.5)
    point(house.engine, cats[3], 1, 0, model="another")
    found = await similar(house, cats[0])
    assert found["basis"] == "meaning"
    assert [item["name"] for item in found["items"]] == ["Cat 1", "Cat 2"]
    assert (await similar(house, cats[4]))["basis"] == "text"


async def test_drafts_are_in_no_list_and_have_none_for_others(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    shown = await house.publish(developer, name="Shown", description="The same words.")
    draft = await house.draft(developer, name="Draft", description="The same words.")
    assert [item["name"] for item in (await similar(house, shown))["items"]] == []
    assert [item["name"] for item in (await similar(house, draft, person=developer))["items"]] == ["Shown"]
    for person in (player, None):
        path = f"{CATS}/{draft['id']}/similar"
        refused = await house.call("catalog", "GET", path, person=person, expect=404)
        assert refused.json()["code"] == "not_found"
    for limit in (0, 51):
        await house.call("catalog", "GET", f"{CATS}/{shown['id']}/similar?limit={limit}", expect=422)
