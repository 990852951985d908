"""Finding a cat."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Engine, select

from catalog_service.search.text import words_asked
from cathouse.schema import SearchWord
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


@pytest.mark.parametrize("sort", ["newest", "name", "popular", "relevance"])
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
        ("Chef Maü", "('chef') & ('mau':*)"),
        ("  ", ""),
        ("!!! & | ( ' \\ :*", ""),
        ("a'b:*", "('ab':* | ('a' & 'b':*))"),
        ("Straße", "('strasse':*)"),
        ("node.js c++", "('nodejs' | ('node' & 'js')) & ('cplusplus':*)"),
        ("猫と遊ぶ x", "('猫' <-> 'と') & ('と' <-> '遊') & ('遊' <-> 'ふ') & ('x':*)"),
        ("猫", "('猫')"),
    ],
)
def test_whatever_is_typed_becomes_a_safe_query(text: str, query: str) -> None:
    assert " & ".join(f"({word.query})" for word in words_asked(text)) == query


async def found(house: House, question: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await house.call("catalog", "GET", f"/api/v1/cats?{question}")).json()
    return answer


async def test_typing_errors_are_mended_when_nothing_is_found(house: House, developer: Person) -> None:
    assert await names(house, "search=cabage") == ["Chef Maü"]
    assert await names(house, "search=storis+cheff") == ["Night Purr", "Chef Maü"]
    assert await names(house, "search=tidi&sort=newest") == ["Tidy Tom"]
    assert await names(house, "search=stori+sleep") == ["Night Purr"]  # the beginning of a word that is not the last
    assert await names(house, "search=qwxyz") == []
    assert await names(house, "search=2024") == []


async def test_joined_words_are_found_in_their_parts_and_whole(house: House, developer: Person) -> None:
    await house.publish(developer, name="E-Mail Elf", description="Knows Node.js and C++.", tags=["to-do"])
    for typed in ("e-mail", "email", "mail", "node.js", "nodejs", "c%2B%2B", "to-do", "to+do"):
        assert await names(house, f"search={typed}") == ["E-Mail Elf"], typed
    assert await names(house, "search=elf&tag=to-do") == ["E-Mail Elf"]
    assert await names(house, "search=elf&tag=to") == []


async def test_chinese_and_japanese_are_found_without_spaces(house: House, developer: Person) -> None:
    await house.publish(developer, name="月の猫", description="寝る前に静かなお話をする猫です。")
    for typed in ("猫", "お話", "静かな", "月の猫"):
        assert await names(house, f"search={typed}") == ["月の猫"], typed


async def test_who_has_some_of_the_words_comes_behind_who_has_all(house: House, developer: Person) -> None:
    assert await names(house, "search=tales+about+a+chef") == ["Night Purr", "Chef Maü"]
    assert await names(house, "search=chef+stories") == ["Night Purr", "Chef Maü"]
    assert await names(house, "search=chef+stories&sort=name") == ["Night Purr"]  # in another order only the former


async def test_who_is_called_exactly_so_comes_first(house: House, developer: Person) -> None:
    for number in range(3):
        await house.publish(developer, name=f"Tidy Tom Tidy {number}", description="tidy tom tidy tom", tags=["tidy"])
    assert (await names(house, "search=tidy+tom"))[0] == "Tidy Tom"


async def test_facets_count_all_that_is_found_and_not_the_page_alone(house: House, developer: Person) -> None:
    page = await found(house, "facets=true&limit=1")
    assert page["facets"] == {
        "counted": 3,
        "tags": [
            {"value": "home", "count": 2},
            {"value": "cooking", "count": 1},
            {"value": "sleep", "count": 1},
        ],
        "permission_types": [{"value": "storage", "count": 2}, {"value": "notification", "count": 1}],
    }
    page = await found(house, "facets=true&search=chef&tag=cooking")
    assert page["facets"]["tags"] == [{"value": "cooking", "count": 1}, {"value": "home", "count": 1}]
    assert "facets" not in await found(house, "search=chef")
    page = await found(house, "facets=true&search=cabage")
    assert [each["value"] for each in page["facets"]["tags"]] == ["cooking", "home"]
    assert (await found(house, "facets=true&search=qwxyz"))["facets"] == {
        "counted": 0,
        "tags": [],
        "permission_types": [],
    }


async def test_tags_are_listed_with_how_many_cats_have_them(house: House, developer: Person) -> None:
    first = (await house.call("catalog", "GET", "/api/v1/tags?limit=2")).json()
    assert first["items"] == [{"value": "home", "count": 2}, {"value": "cooking", "count": 1}]
    rest = (await house.call("catalog", "GET", f"/api/v1/tags?cursor={first['next_cursor']}")).json()
    assert rest == {"items": [{"value": "sleep", "count": 1}], "next_cursor": None}


async def test_pages_of_a_mended_question_fit_together(house: House, developer: Person) -> None:
    for number in range(5):
        await house.publish(developer, name=f"Cottage {number}")
    seen: list[str] = []
    cursor = ""
    while len(seen) < 5:
        page = await found(house, f"search=cotage&limit=2{cursor}")
        seen += [item["name"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == [f"Cottage {number}" for number in range(5)]
    assert page["next_cursor"] is None


def vocabulary(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {row.word: row.cats for row in connection.execute(select(SearchWord.word, SearchWord.cats))}


async def test_the_vocabulary_is_that_of_the_cats(house: House) -> None:
    developer = await house.register("developer")
    await house.publish(developer, name="Wombat Willow", description="Naps.", tags=[])
    draft = await house.draft(developer, name="Wombat Wanda", description="Sings.", tags=[])
    words = vocabulary(house.engine)
    assert (words["wombat"], words["naps"], words["sings"]) == (2, 1, 1)
    path = f"/api/v1/cats/{draft['id']}"
    await house.call("catalog", "PATCH", path, {"description": "Sings and naps."}, person=developer)
    assert vocabulary(house.engine)["naps"] == 2
    await house.call("catalog", "PATCH", path, {"description": "Sleeps."}, person=developer)
    words = vocabulary(house.engine)
    assert words["naps"] == 1
    assert "sings" not in words
    await house.call("catalog", "DELETE", path, person=developer, expect=204)
    words = vocabulary(house.engine)
    assert words["wombat"] == 1
    assert not {"wanda", "sleeps"} & words.keys()


async def test_cats_that_are_written_at_once_are_counted_one_by_one(house: House) -> None:
    developer = await house.register("developer")
    texts = ["zebra yak xerus wolf", "wolf xerus yak zebra", "yak wolf zebra xerus"]
    made = await asyncio.gather(*(house.draft(developer, description=text, tags=[]) for text in texts * 3))
    words = vocabulary(house.engine)
    assert {words[word] for word in ("zebra", "yak", "xerus", "wolf")} == {9}

    async def rewrite(cat: dict[str, Any], text: str) -> None:
        await house.call("catalog", "PATCH", f"/api/v1/cats/{cat['id']}", {"description": text}, person=developer)

    changed = [
        rewrite(cat, text) for cat, text in zip(made, ["aardvark yak", "bear zebra", "civet wolf"] * 3, strict=True)
    ]
    await asyncio.gather(*changed)
    words = vocabulary(house.engine)
    assert {word: words.get(word) for word in ("zebra", "yak", "wolf", "xerus", "civet")} == {
        "zebra": 3,
        "yak": 3,
        "wolf": 3,
        "xerus": None,
        "civet": 3,
    }


async def test_a_search_can_be_narrowed_in_every_way_at_once(house: House, developer: Person) -> None:
    narrowed = f"tag=home&permission_type=notification&developer_id={developer.id}&facets=true"
    for question in ("search=chef", "search=chef+tidy", "search=chff", "search=chef&sort=popular", ""):
        assert await names(house, f"{question}&{narrowed}") == ["Chef Maü"], question
    assert await names(house, f"search=sleep&{narrowed}") == []
