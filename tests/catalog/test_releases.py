"""Releases: higher than what is published, immutable once published, and whether players are asked again."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from cathouse.schema import AuditEvent, Release
from tests.factories.cats import NOTIFICATION, STORAGE
from tests.fixtures.house import House, Person, directly
from tests.fixtures.releases import CATS, content, publish, release

EXTERNAL = {"permission_type": "external_api", "description": "To ask about rain.", "required": False}


async def change(
    house: House, developer: Person, cat: dict[str, Any], version: str, /, *, expect: int = 200, **changes: Any
) -> dict[str, Any]:
    path = f"{CATS}/{cat['id']}/releases/{version}"
    answer = await house.call("catalog", "PATCH", path, changes, person=developer, expect=expect)
    changed: dict[str, Any] = answer.json()
    return changed


async def test_a_release_is_seen_by_its_owner_until_it_is_published(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    made = await release(house, developer, cat, "1.1.0", changelog="Purrs in tune.", timeout_s=7)
    assert (made["published_at"], made["asks_for_consent"], made["timeout_s"]) == (None, False, 7)
    path = f"{CATS}/{cat['id']}/releases"
    public = (await house.call("catalog", "GET", path)).json()["items"]
    assert [each["version"] for each in public] == ["1.0.0"]
    own = (await house.call("catalog", "GET", path, person=developer)).json()["items"]
    assert [each["version"] for each in own] == ["1.1.0", "1.0.0"]
    published = await publish(house, developer, cat, "1.1.0")
    assert published["version"] == "1.1.0"
    public = (await house.call("catalog", "GET", path)).json()["items"]
    assert [each["version"] for each in public] == ["1.1.0", "1.0.0"]


async def test_a_version_is_higher_than_every_published_one(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer, version="1.9.0")
    for version in ("1.9.0", "1.8.99", "0.10.0"):
        refused = await release(house, developer, cat, version, expect=409)
        assert (refused["code"], refused["highest"]) == ("version_not_higher", "1.9.0")
    await release(house, developer, cat, "1.10.0")
    assert (await release(house, developer, cat, "1.10.0", expect=409))["code"] == "version_taken"
    await release(house, developer, cat, "2.0.0")
    assert (await change(house, developer, cat, "2.0.0", version="1.10.0", expect=409))["code"] == "version_taken"
    assert (await change(house, developer, cat, "2.0.0", version="1.0.0", expect=409))["code"] == "version_not_higher"
    await publish(house, developer, cat, "2.0.0")
    assert (await publish(house, developer, cat, "1.10.0", expect=409))["code"] == "version_not_higher"
    for version in ("1.0", "1.0.0-rc.1", "1.0.0+build", "01.0.0", "v1.0.0", "1.0.0 "):
        await release(house, developer, cat, version, expect=422)


async def test_what_is_published_stays_as_it_is(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    refused = await change(house, developer, cat, "1.0.0", changelog="Another past.", expect=409)
    assert refused["code"] == "release_immutable"
    await change(house, developer, cat, "7.7.7", changelog="Of nothing.", expect=404)


async def test_an_unpublished_release_is_changed_in_part_and_held_together(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    await release(house, developer, cat, "1.1.0", changelog="First words.")
    changed = await change(house, developer, cat, "1.1.0", timeout_s=20, permissions=[STORAGE, EXTERNAL])
    assert (changed["changelog"], changed["timeout_s"]) == ("First words.", 20)
    assert [each["permission_type"] for each in changed["permissions"]] == ["external_api", "storage"]
    changed = await change(house, developer, cat, "1.1.0", egress_hosts=["api.example.com"])
    refused = await change(house, developer, cat, "1.1.0", permissions=[STORAGE], expect=422)
    assert refused["code"] == "validation_failed"
    assert "external_api" in refused["errors"][0]["message"]
    private = "http://10.0.0.1/cat"
    assert (await change(house, developer, cat, "1.1.0", endpoint_url=private, expect=422))["code"] == (
        "endpoint_not_allowed"
    )
    renamed = await change(house, developer, cat, "1.1.0", version="1.2.0")
    assert renamed["version"] == "1.2.0"
    await change(house, developer, cat, "1.1.0", changelog="Gone.", expect=404)


async def test_a_draft_shows_what_its_first_release_says(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.draft(developer)
    await change(house, developer, cat, "1.0.0", version="0.9.0", permissions=[{**STORAGE, "required": False}])
    shown = (await house.call("catalog", "GET", f"{CATS}/{cat['id']}", person=developer)).json()
    assert shown["version"] == "0.9.0"
    assert [(each["permission_type"], each["required"]) for each in shown["permissions"]] == [("storage", False)]
    await publish(house, developer, cat, "0.9.0")


async def test_players_are_asked_when_a_release_asks_for_more_than_what_is_published(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    asking = await release(house, developer, cat, "1.1.0", permissions=[STORAGE, {**NOTIFICATION, "required": True}])
    assert asking["asks_for_consent"] is True
    assert (await change(house, developer, cat, "1.1.0", permissions=[STORAGE]))["asks_for_consent"] is False
    assert (await change(house, developer, cat, "1.1.0", config_schema={"type": "object"}))["asks_for_consent"] is True
    later = await release(house, developer, cat, "1.2.0", config_schema={"type": "object"})
    assert later["asks_for_consent"] is True
    await publish(house, developer, cat, "1.1.0")
    path = f"{CATS}/{cat['id']}/releases/1.2.0"
    settled = (await house.call("catalog", "GET", path, person=developer)).json()
    assert settled["asks_for_consent"] is False  # it asks for no more than what is published now
    await publish(house, developer, cat, "1.2.0")
    await release(house, developer, cat, "2.0.0", config_schema=None)
    await publish(house, developer, cat, "2.0.0")
    with house.engine.connect() as connection:
        epochs = {
            row.version: row.consent_epoch for row in connection.execute(select(Release.version, Release.consent_epoch))
        }
    assert epochs == {"1.0.0": 1, "1.1.0": 2, "1.2.0": 2, "2.0.0": 3}


async def test_what_a_cat_asks_for_is_that_of_its_published_release(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    await release(house, developer, cat, "1.1.0", permissions=[EXTERNAL])
    path = f"{CATS}/{cat['id']}/permissions"
    before = (await house.call("catalog", "GET", path)).json()["items"]
    assert {each["permission_type"] for each in before} == {"storage", "notification"}
    await publish(house, developer, cat, "1.1.0")
    after = (await house.call("catalog", "GET", path)).json()["items"]
    assert {each["permission_type"] for each in after} == {"external_api"}


async def test_somebody_elses_cat_takes_no_release(house: House) -> None:
    developer, other, player = (
        await house.register("developer"),
        await house.register("developer"),
        await house.register(),
    )
    cat = await house.publish(developer)
    await release(house, other, cat, "1.1.0", expect=404)
    await release(house, player, cat, "1.1.0", expect=403)
    await release(house, developer, cat, "1.1.0")
    await change(house, other, cat, "1.1.0", changelog="Mine.", expect=404)


async def test_a_suspended_cat_takes_no_release(house: House) -> None:
    developer, admin = await house.register("developer"), await house.admin()
    cat = await house.publish(developer)
    path = f"{CATS}/{cat['id']}/suspend"
    await house.call("catalog", "POST", path, {"reason": "It scratches."}, person=admin)
    refused = await release(house, developer, cat, "1.1.0", expect=409)
    assert (refused["code"], refused["allowed"]) == ("transition_not_allowed", [])


async def test_of_several_releases_of_one_version_at_once_one_is_made(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    path = f"{CATS}/{cat['id']}/releases"
    calls = (
        house.call("catalog", "POST", path, content(cat, "1.1.0"), person=developer, expect=None) for _ in range(5)
    )
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_every_change_of_a_cat_is_in_the_audit(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    await release(house, developer, cat, "1.1.0")
    await change(house, developer, cat, "1.1.0", timeout_s=3)
    await house.call("catalog", "PATCH", f"{CATS}/{cat['id']}", {"tags": ["Rain "]}, person=developer)
    await house.call("catalog", "POST", f"{CATS}/{cat['id']}/deprecate", {"message": "No rain."}, person=developer)
    with house.engine.connect() as connection:
        theirs = select(AuditEvent.action).where(AuditEvent.actor_id == developer.id).order_by(AuditEvent.at)
        actions = [action for action in connection.scalars(theirs) if not action.startswith("user.")]
    assert actions == [
        "cat.created",
        "cat.published",
        "release.created",
        "release.changed",
        "cat.changed",
        "cat.deprecated",
    ]


@directly
@pytest.mark.parametrize("body", [{"version": None}, {"timeout_s": 26}, {"endpoint": "x"}, {"permissions": None}, []])
async def test_a_change_that_is_none_is_refused(house: House, body: Any) -> None:
    developer = await house.register("developer")
    cat = await house.draft(developer)
    path = f"{CATS}/{cat['id']}/releases/1.0.0"
    await house.call("catalog", "PATCH", path, body, person=developer, expect=422)
