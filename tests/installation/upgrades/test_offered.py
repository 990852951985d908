"""Releases that ask for no more are in effect at once; those that ask for more wait for the player."""

from typing import Any

import pytest

from cathouse.schema import PermissionType
from tests.factories.cats import EXTERNAL, NOTIFICATION, SCHEMA, STORAGE, TASKS
from tests.fixtures.cat_calls import token
from tests.fixtures.erasures import differences, everything
from tests.fixtures.house import House, directly
from tests.fixtures.installations import INSTALLATIONS, seen
from tests.fixtures.lifecycle import until_told
from tests.fixtures.releases import offer, release
from tests.installation.upgrades.upgrading import HOSTS, MUST_NOTIFY, WITH_SECRET, answers_of, upgrade


@pytest.mark.parametrize(
    ("changes", "answers"),
    [
        ({}, {"storage": (True, True), "notification": (False, False)}),
        ({"permissions": [STORAGE]}, {"storage": (True, True)}),
        ({"permissions": [{**STORAGE, "required": False}]}, {"storage": (False, True)}),
        (
            {"permissions": [STORAGE, NOTIFICATION, TASKS]},
            {"storage": (True, True), "notification": (False, False), "tasks": (False, False)},
        ),
        ({"timeout_s": 3, "changelog": "Purrs in tune."}, {"storage": (True, True), "notification": (False, False)}),
    ],
    ids=["the same", "fewer", "optional now", "a new optional one", "another word"],
)
async def test_a_release_that_asks_for_no_more_is_in_effect_at_once(
    house: House, changes: dict[str, Any], answers: dict[str, tuple[bool, bool]]
) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, "1.1.0", **changes)
    now = await seen(house, player, installed)
    assert (now["version"], now["upgrade_available"], answers_of(now)) == ("1.1.0", None, answers)
    await house.interact(player, installed, "Hello")
    refused = await upgrade(house, player, installed, "1.1.0", expect=409)
    assert (refused.json()["code"], refused.json()["offered"]) == ("version_not_offered", None)


async def test_what_is_not_asked_for_any_more_is_not_told_to_the_cat(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, permissions=[{**STORAGE, "required": False}, NOTIFICATION])
    installed = await house.install(player, cat)
    assert "visits" in (await house.interact(player, installed, "Hello")).json()["output"]
    await offer(house, developer, cat, "1.1.0", permissions=[NOTIFICATION])
    assert "visits" not in (await house.interact(player, installed, "Hello")).json()["output"]


@pytest.mark.parametrize(
    ("changes", "asks_for", "secrets"),
    [
        ({"permissions": [STORAGE, MUST_NOTIFY]}, ["notification"], []),
        ({"permissions": [STORAGE, TASKS, MUST_NOTIFY]}, ["notification", "tasks"], []),
        ({"config_schema": SCHEMA}, [], []),
        ({"permissions": [STORAGE, EXTERNAL], "egress_hosts": HOSTS}, ["external_api"], []),
        (WITH_SECRET, ["external_api"], ["api_key"]),
        ({"endpoint_url": "elsewhere"}, [], []),
    ],
    ids=["a required one", "one of each", "a config", "wider egress", "a secret", "another endpoint"],
)
async def test_a_release_that_asks_for_more_waits_and_the_old_one_goes_on(
    house: House, changes: dict[str, Any], asks_for: list[str], secrets: list[str]
) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    if "endpoint_url" in changes:
        changes = {"endpoint_url": cat["endpoint_url"].replace("127.0.0.1", "localhost")}
    await offer(house, developer, cat, **changes)
    waiting = await seen(house, player, installed)
    told = {"version": "2.0.0", "asks_for": asks_for, "secrets": secrets}
    assert waiting == {**installed, "upgrade_available": told}
    listed = (await house.call("installation", "GET", INSTALLATIONS, person=player)).json()["items"]
    assert listed == [waiting]
    await house.interact(player, installed, "Hello")
    assert (await seen(house, player, installed))["version"] == "1.0.0"
    # Who installs it now agrees to it at once.
    grants = {each["permission_type"]: True for each in changes.get("permissions", [STORAGE])}
    config = {"city": "Köln"} if "config_schema" in changes else {}
    given = {"api_key": "k"} if "secrets" in changes else {}
    fresh = await house.install(player, cat, instance_name="Smoky", grants=grants, config=config, secrets=given)
    assert (fresh["version"], fresh["upgrade_available"]) == ("2.0.0", None)


@pytest.mark.parametrize(
    ("release_changes", "answers", "told"),
    [
        ({"permissions": [STORAGE, MUST_NOTIFY]}, {}, ("permission_required", "missing", ["notification"])),
        (
            {"permissions": [STORAGE, MUST_NOTIFY]},
            {"grants": {"notification": False, "storage": False}},
            ("permission_required", "missing", ["notification", "storage"]),
        ),
        (
            {"permissions": [STORAGE, MUST_NOTIFY]},
            {"grants": {"notification": True, "tasks": True}},
            ("permission_not_requested", "unexpected", ["tasks"]),
        ),
        (WITH_SECRET, {}, ("secret_required", "missing", ["api_key"])),
        (
            WITH_SECRET,
            {"secrets": {"api_key": "k", "made_up": "x"}},
            ("secret_not_declared", "unexpected", ["made_up"]),
        ),
        ({"config_schema": SCHEMA}, {}, ("config_invalid", None, None)),
        ({"config_schema": SCHEMA}, {"config": {"city": 1}}, ("config_invalid", None, None)),
        (
            {"permissions": [STORAGE, MUST_NOTIFY]},
            {"grants": {"notification": True}, "config": {"city": "Köln"}},
            ("config_invalid", None, None),
        ),
    ],
)
async def test_what_keeps_an_upgrade_from_being_made_is_named_and_nothing_changes(
    house: House, release_changes: dict[str, Any], answers: dict[str, Any], told: tuple[str, str | None, Any]
) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await until_told(house.engine)
    await offer(house, developer, cat, **release_changes)
    before = everything(house.engine)
    refused = (await upgrade(house, player, installed, expect=422, **answers)).json()
    code, member, names = told
    assert refused["code"] == code
    if member is not None:
        assert sorted(refused[member]) == names
    if code == "config_invalid":
        assert refused["errors"][0]["location"].startswith("body.config")
    assert differences(before, everything(house.engine)) == []
    await house.interact(player, installed, "Hello")


async def test_only_the_newest_version_is_offered_and_the_refusal_names_it(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    await offer(house, developer, cat, "3.0.0", permissions=[STORAGE, MUST_NOTIFY, {**TASKS, "required": True}])
    grants = {"notification": True, "tasks": True}
    for version in ("1.0.0", "2.0.0", "3.0.1", "3.0.0 "):
        refused = (await upgrade(house, player, installed, version, grants=grants, expect=409)).json()
        assert (refused["code"], refused["offered"]) == ("version_not_offered", "3.0.0")
    assert (await upgrade(house, player, installed, "3.0.0", grants=grants)).json()["version"] == "3.0.0"


async def test_a_cat_that_left_the_catalog_goes_on_where_it_is_installed(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    await house.call("catalog", "POST", f"/api/v1/cats/{cat['id']}/unpublish", person=developer)
    await release(house, developer, cat, "3.0.0", permissions=[])
    left = await seen(house, player, installed)
    assert (left["version"], left["cat"]["status"]) == ("1.0.0", "draft")
    assert left["upgrade_available"]["version"] == "2.0.0"  # not what is being written
    await house.interact(player, installed, "Hello")
    await upgrade(house, player, installed, grants={"notification": True})
    await house.interact(player, installed, "Hello")


async def test_a_later_release_that_asks_for_no_more_follows_the_one_that_was_agreed_to(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    asked, agreed = [await house.install(player, cat, instance_name=name) for name in ("Misty", "Smoky")]
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    await upgrade(house, player, agreed, grants={"notification": True})
    await offer(house, developer, cat, "2.1.0", permissions=[STORAGE, MUST_NOTIFY])
    assert (await seen(house, player, agreed))["version"] == "2.1.0"
    waiting = await seen(house, player, asked)
    assert (waiting["version"], waiting["upgrade_available"]["version"]) == ("1.0.0", "2.1.0")


@directly
@pytest.mark.parametrize(
    "changes",
    [
        {"version": None},
        {"version": 2},
        {"version": "2"},
        {"grants": None},
        {"grants": {"purring": True}},
        {"grants": {"storage": "yes"}},
        {"secrets": {"api_key": ""}},
        {"secrets": {"api_key": "x" * 4097}},
        {"secrets": None},
        {"config": []},
        {"config": {"a": "\x00"}},
        {"status": "active"},
    ],
)
async def test_an_upgrade_that_is_none_is_refused(house: House, changes: dict[str, Any]) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await upgrade(house, player, installed, expect=422, **{"version": "2.0.0", **changes})


def test_every_permission_has_a_release_here() -> None:
    kinds = {each["permission_type"] for each in (STORAGE, NOTIFICATION, TASKS, EXTERNAL)}
    assert kinds == set(PermissionType)


async def test_a_permission_that_the_release_does_not_ask_for_any_more_is_not_granted(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat, grants={"storage": True, "notification": True})
    calls = token(installed)
    await offer(house, developer, cat, "1.1.0", permissions=[STORAGE])
    own = (await house.call("installation", "GET", "/api/v1/cat/installation", headers=calls)).json()
    assert (own["version"], own["permissions"]) == ("1.1.0", ["storage"])
    note = {"title": "Hello", "body": "Come home."}
    refused = await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=calls, expect=403)
    assert refused.json()["code"] == "permission_not_granted"
