"""Finding a cat."""

import pytest

from catalog_service.search.text import prefix_query
from tests.factories.cats import STORAGE
from tests.fixtures.house import House, Person


async def names(house: House, question: str, person: Person | None = None) -> list[str]:
    answer = await house.call("catalog", "GET", f"/api/v1/cats?{question}", person=person)
    return [item["name"] for item in answer.json()["items"]]


@pytest.fixture
async def developer(house: House) -> Person:
    """The developer of three published cats and a draft."""
    developer = await house.register("developer")
    await house.publish(developer, name="Chef Maü", description="Cooks cabbage.", tags=["Cooking", "home"])
    await house.publish(
        developer, name="Night Purr", description="Stories about a chef.", tags=["sleep"], permissions=[]
    )
    await house.publish(developer, name="Tidy Tom", description="Lists.", tags=["home"], permissions=[STORAGE])
    await house.draft(developer, name="Hidden", description="A chef nobody sees.")
    return developer


async def test_words_are_found_whatever_their_case_and_accents_and_as_one_types(
    house: House, developer: Person
) -> None:
    assert await names(house, "search=mau") == ["Chef Maü"]
    assert await names(house, "search=MAÜ") == ["Chef Maü"]
    assert await names(house, "search=cabb") == ["Chef Maü"]
    assert await names(house, "search=cook") == ["Chef Maü"]
    assert await names(house, "search=tom+lis") == ["Tidy Tom"]
    assert await names(house, "search=nothing+like+it") == []


async def test_a_name_weighs_more_than_a_description_and_drafts_are_not_found(house: House, developer: Person) -> None:
    assert await names(house, "search=chef") == ["Chef Maü", "Night Purr"]


async def test_filters_narrow(house: House, developer: Person) -> None:
    assert sorted(await names(house, "tag=home")) == ["Chef Maü", "Tidy Tom"]
    assert await names(house, "tag=home&tag=cooking") == ["Chef Maü"]
    assert sorted(await names(house, "permission_type=notification")) == ["Chef Maü"]
    assert len(await names(house, f"developer_id={developer.id}")) == 3
    other = await house.register("developer")
    assert await names(house, f"developer_id={other.id}") == []


async def test_ones_own_include_drafts(house: House, developer: Person) -> None:
    assert "Hidden" in await names(house, "mine=true", developer)
    refused = await house.call("catalog", "GET", "/api/v1/cats?mine=true", expect=401)
    assert refused.json()["code"] == "authentication_required"


@pytest.mark.parametrize("sort", ["newest", "name", "relevance"])
async def test_pages_follow_one_another_while_cats_are_added(house: House, developer: Person, sort: str) -> None:
    question = f"search=house&sort={sort}&limit=2"
    for number in range(5):
        await house.publish(developer, name=f"House {number}")
    seen: list[str] = []
    cursor = None
    while True:
        path = f"/api/v1/cats?{question}" + (f"&cursor={cursor}" if cursor else "")
        page = (await house.call("catalog", "GET", path)).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == 2
    assert len(seen) == len(set(seen)) == 5
    if sort == "name":
        assert seen == sorted(seen)


async def test_a_cursor_belongs_to_its_question(house: House, developer: Person) -> None:
    page = (await house.call("catalog", "GET", "/api/v1/cats?limit=1")).json()
    for question in (f"limit=1&tag=home&cursor={page['next_cursor']}", "cursor=made-up"):
        refused = await house.call("catalog", "GET", f"/api/v1/cats?{question}", expect=400)
        assert refused.json()["code"] == "cursor_mismatch"
    for question in ("limit=0", "limit=101", "sort=best", "search=a%00b"):
        await house.call("catalog", "GET", f"/api/v1/cats?{question}", expect=422)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Chef Maü", "'chef' & 'mau':*"),
        ("  ", None),
        ("!!! & | ( ' \\ :*", None),
        ("a'b:*", "'a' & 'b':*"),
        ("Straße", "'strasse':*"),
    ],
)
def test_whatever_is_typed_becomes_a_safe_query(text: str, query: str | None) -> None:
    assert prefix_query(text) == query
