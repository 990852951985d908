"""Browsers and caches keep what the catalog shows everybody, and ask each time whether it still holds."""

import json
from typing import Any

import pytest

from tests.documents import openapi
from tests.fixtures.catalog import until_counted
from tests.fixtures.house import House, Person, directly

CATS = "/api/v1/cats"
REVALIDATED = {
    CATS,
    f"{CATS}/{{cat_id}}",
    f"{CATS}/{{cat_id}}/permissions",
    f"{CATS}/{{cat_id}}/releases",
    f"{CATS}/{{cat_id}}/releases/{{version}}",
    f"{CATS}/{{cat_id}}/similar",
    "/api/v1/tags",
    "/api/v1/moderation-log",
}


def paths(cat: dict[str, Any]) -> list[str]:
    own = f"{CATS}/{cat['id']}"
    return [
        CATS,
        f"{CATS}?search=cat&limit=1",
        own,
        f"{CATS}/{cat['slug']}",
        f"{own}/permissions",
        f"{own}/releases",
        f"{own}/releases/1.0.0",
        f"{own}/similar",
        "/api/v1/tags",
        "/api/v1/moderation-log",
    ]


async def etag(house: House, path: str, person: Person | None = None) -> str:
    return str((await house.call("catalog", "GET", path, person=person)).headers["etag"])


async def test_what_did_not_change_is_not_sent_again(house: House) -> None:
    cat = await house.publish(await house.register("developer"))
    for path in paths(cat):
        first = await house.call("catalog", "GET", path)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == "public, no-cache"
        assert "Authorization" in first.headers["vary"].split(", ")
        for known in (tag, f"W/{tag}", f'"a,b", W/"c", {tag}', "*"):
            again = await house.call("catalog", "GET", path, headers={"If-None-Match": known}, expect=304)
            assert again.content == b""
            assert not {"content-length", "content-type"} & set(again.headers)
            for name in ("etag", "cache-control", "vary"):
                assert again.headers[name] == first.headers[name]
        for unknown in ('"another"', "", tag.strip('"')):
            sent = await house.call("catalog", "GET", path, headers={"If-None-Match": unknown})
            assert (sent.content, sent.headers["etag"]) == (first.content, tag)


async def test_several_lines_are_one_list(house: House) -> None:
    await house.publish(await house.register("developer"))
    lines = [("If-None-Match", '"another"'), ("If-None-Match", await etag(house, CATS))]
    assert (await house.http.get(house.urls["catalog"] + CATS, headers=lines)).status_code == 304


@pytest.mark.usefixtures("quick_renewal")
async def test_whatever_changes_has_another_etag(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    own = f"{CATS}/{cat['id']}"

    async def all_tags() -> dict[str, str]:
        return {path: await etag(house, path) for path in paths(cat)[2:7]}

    before = await all_tags()
    assert await all_tags() == before
    await house.call("catalog", "PATCH", own, {"description": "It purrs."}, person=developer)
    described = await all_tags()
    assert {path for path, tag in described.items() if tag != before[path]} == {own, f"{CATS}/{cat['slug']}"}
    stale = {"If-None-Match": before[own]}
    told = await house.call("catalog", "GET", own, headers=stale)
    assert told.json()["description"] == "It purrs."
    await house.install(player, cat)
    await until_counted(house, cat, 1)
    assert await etag(house, own) != described[own]
    release = {"version": "2.0.0", "endpoint_url": cat["endpoint_url"]}
    await house.call("catalog", "POST", f"{own}/releases", release, person=developer, expect=201)
    assert await etag(house, f"{own}/releases") == before[f"{own}/releases"]  # it is the owner's alone yet
    await house.call("catalog", "POST", f"{own}/publish", person=developer)
    published = await all_tags()
    for path in (f"{own}/permissions", f"{own}/releases"):
        assert published[path] != before[path]
    assert published[f"{own}/releases/1.0.0"] == before[f"{own}/releases/1.0.0"]


async def test_who_sees_more_has_another_answer(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    for path in (f"{CATS}/{cat['id']}", f"{CATS}/{cat['id']}/releases", CATS):
        public, owners = await etag(house, path), await etag(house, path, developer)
        assert public != owners
        answer = await house.call("catalog", "GET", path, person=developer, headers={"If-None-Match": public})
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "Authorization" in answer.headers["vary"].split(", ")
        await house.call("catalog", "GET", path, person=developer, headers={"If-None-Match": owners}, expect=304)
        # What a cache has for the owner is nothing for others.
        await house.call("catalog", "GET", path, headers={"If-None-Match": owners})
        others = await house.call("catalog", "GET", path, person=player, headers={"If-None-Match": public}, expect=304)
        assert others.headers["cache-control"] == "private, no-cache"
    listed = await house.call("catalog", "GET", f"{CATS}?mine=true", person=developer)
    assert listed.headers["cache-control"] == "private, no-cache"


async def test_an_error_is_never_kept_and_never_taken_for_unchanged(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    own = f"{CATS}/{cat['id']}"
    tag = await etag(house, own)
    await house.call("catalog", "POST", f"{own}/unpublish", person=developer)
    for path, status in (
        (own, 404),
        (f"{own}/releases/9.9.9", 404),
        (f"{CATS}?limit=0", 422),
        (f"{CATS}?mine=true", 401),
    ):
        for known in (tag, "*"):
            answer = await house.call("catalog", "GET", path, headers={"If-None-Match": known}, expect=status)
            assert answer.headers["cache-control"] == "no-store"
            assert "etag" not in answer.headers


@directly
async def test_nothing_else_may_be_kept(house: House) -> None:
    developer = await house.register("developer")
    own = f"{CATS}/{(await house.publish(developer))['id']}"
    for path in (f"{own}/signing-secret", f"{own}/stats"):
        answer = await house.call("catalog", "GET", path, person=developer, headers={"If-None-Match": "*"})
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
    changed = await house.call("catalog", "PATCH", own, {"tags": []}, person=developer, headers={"If-None-Match": "*"})
    assert "etag" not in changed.headers


@directly
async def test_a_page_of_the_frontend_may_read_the_etag_and_send_it(house: House) -> None:
    origin = {"Origin": "http://localhost:3000"}
    answer = await house.call("catalog", "GET", CATS, headers=origin)
    assert answer.headers["access-control-allow-origin"] == origin["Origin"]
    assert "ETag" in answer.headers["access-control-expose-headers"].split(", ")
    assert answer.headers["vary"].split(", ") == ["Authorization", "Origin"]
    unchanged = await house.call(
        "catalog", "GET", CATS, headers={**origin, "If-None-Match": answer.headers["etag"]}, expect=304
    )
    assert unchanged.headers["access-control-allow-origin"] == origin["Origin"]
    asked = {**origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}
    await house.call("catalog", "OPTIONS", CATS, headers=asked)


def test_the_document_says_where() -> None:
    found = set()
    for path, operations in json.loads(openapi("catalog"))["paths"].items():
        for method, operation in operations.items():
            takes = "If-None-Match" in [each["name"] for each in operation.get("parameters", [])]
            assert takes == ("304" in operation["responses"])
            if takes:
                assert "ETag" in operation["responses"]["200"]["headers"]
                assert method == "get"
                found.add(path)
    assert found == REVALIDATED
