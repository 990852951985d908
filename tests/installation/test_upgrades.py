"""Releases that ask for no more are in effect at once; those that ask for more wait for the player."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from cathouse.schema import Installation, LifecycleEvent, PermissionType, PlayerSecret
from tests.factories.cats import EXTERNAL, NOTIFICATION, SCHEMA, SECRET, STORAGE, TASKS
from tests.fixtures.cat_calls import token
from tests.fixtures.erasures import differences, everything, wait_for_a_lock
from tests.fixtures.house import House, Person, directly
from tests.fixtures.installations import INSTALLATIONS, seen
from tests.fixtures.lifecycle import until_told
from tests.fixtures.releases import offer, release

HOSTS = [SECRET["host"], "other.example.com"]
MUST_NOTIFY = {**NOTIFICATION, "required": True}
WITH_SECRET: dict[str, Any] = {
    "permissions": [STORAGE, NOTIFICATION, EXTERNAL],
    "egress_hosts": HOSTS,
    "secrets": [SECRET],
}


async def upgrade(
    house: House,
    player: Person,
    installed: dict[str, Any],
    version: str = "2.0.0",
    *,
    expect: int | None = 200,
    **answers: Any,
) -> httpx.Response:
    path = f"{INSTALLATIONS}/{installed['id']}/upgrade"
    return await house.call("installation", "POST", path, {"version": version, **answers}, person=player, expect=expect)


def answers_of(installed: dict[str, Any]) -> dict[str, tuple[bool, bool]]:
    return {each["permission_type"]: (each["required"], each["granted"]) for each in installed["permissions"]}


def secrets_of(house: House) -> dict[str, bytes]:
    with house.engine.connect() as connection:
        rows = connection.execute(select(PlayerSecret.name, PlayerSecret.wrapped_value)).all()
    return {row.name: row.wrapped_value for row in rows}


def generation(house: House) -> int | None:
    with house.engine.connect() as connection:
        return connection.scalar(select(Installation.grant_generation))


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


async def test_an_upgrade_moves_the_version_and_keeps_what_was_not_answered_anew(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, permissions=[STORAGE, NOTIFICATION, TASKS], config_schema=SCHEMA)
    grants = {"storage": True, "notification": True}
    installed = await house.install(player, cat, grants=grants, config={"city": "Köln"})
    await house.interact(player, installed, "one")
    await until_told(house.engine)
    await offer(
        house,
        developer,
        cat,
        permissions=[STORAGE, MUST_NOTIFY, {**TASKS, "required": True}, EXTERNAL],
        egress_hosts=HOSTS,
        config_schema=SCHEMA,
    )
    upgraded = (await upgrade(house, player, installed, grants={"tasks": True})).json()
    assert (upgraded["version"], upgraded["upgrade_available"]) == ("2.0.0", None)
    assert (upgraded["config"], upgraded["instance_name"]) == ({"city": "Köln"}, "Misty")
    assert answers_of(upgraded) == {
        "storage": (True, True),
        "notification": (True, True),
        "tasks": (True, True),
        "external_api": (False, False),
    }
    before = {each["permission_type"]: each["granted_at"] for each in installed["permissions"]}
    after = {each["permission_type"]: each["granted_at"] for each in upgraded["permissions"]}
    assert (after["storage"], after["notification"]) == (before["storage"], before["notification"])
    assert after["tasks"] > before["storage"]
    assert generation(house) == 1
    # What the cat remembers stays, and it is told.
    assert (await house.interact(player, installed, "two")).json()["output"]["visits"] == 2
    await until_told(house.engine)
    with house.engine.connect() as connection:
        events = connection.scalars(select(LifecycleEvent.event).order_by(LifecycleEvent.sequence)).all()
    assert events == ["installation.created", "installation.upgraded"]
    assert (await upgrade(house, player, installed, expect=409)).json()["offered"] is None


async def test_an_upgrade_takes_another_config_when_the_cat_wants_one(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, config_schema=SCHEMA)
    upgraded = (await upgrade(house, player, installed, config={"city": "Köln"})).json()
    assert upgraded["config"] == {"city": "Köln"}
    await offer(house, developer, cat, "3.0.0", config_schema=None)
    assert (await upgrade(house, player, installed, "3.0.0", expect=422)).json()["code"] == "config_invalid"
    assert (await upgrade(house, player, installed, "3.0.0", config={})).json()["config"] == {}


async def test_a_grant_that_is_withdrawn_with_the_upgrade_is_withdrawn_from_tokens_that_are_out(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat, grants={"storage": True, "notification": True})
    note = {"title": "Hello", "body": "You."}
    path = "/api/v1/cat/notifications"
    out = token(installed)
    await house.call("installation", "POST", path, note, headers=out, expect=201)
    await offer(house, developer, cat, permissions=[STORAGE, NOTIFICATION, {**TASKS, "required": True}])
    upgraded = await upgrade(house, player, installed, grants={"notification": False, "tasks": True})
    assert answers_of(upgraded.json())["notification"] == (False, False)
    assert generation(house) == 2
    refused = await house.call("installation", "POST", path, note, headers=out, expect=403)
    assert refused.json()["code"] == "permission_not_granted"


async def test_a_secret_is_kept_dropped_or_wanted_anew(house: House) -> None:
    """Kept for the same host and header, dropped when it is not declared any more, wanted anew for anything else."""
    developer, player = await house.register("developer"), await house.register()

    def secret(name: str, **changes: Any) -> dict[str, Any]:
        return {**SECRET, "name": name, "required": False, **changes}

    names = ("kept", "dropped", "moved", "renamed_header", "optional_moved", "same_header")
    before = [secret(name) for name in names]
    cat = await house.publish(developer, **{**WITH_SECRET, "secrets": before})
    installed = await house.install(player, cat, secrets=dict.fromkeys(names, "first"))
    first = secrets_of(house)
    after = [
        secret("kept", required=True, description="Still yours."),
        secret("moved", host="other.example.com", required=True),
        secret("renamed_header", header="X-Other-Key", required=True),
        secret("optional_moved", host="other.example.com"),
        secret("same_header", header="x-api-KEY"),
        secret("new"),
    ]
    await offer(house, developer, cat, **{**WITH_SECRET, "secrets": after})
    waiting = (await seen(house, player, installed))["upgrade_available"]
    assert waiting["secrets"] == ["moved", "renamed_header", "optional_moved", "new"]
    refused = (await upgrade(house, player, installed, expect=422)).json()
    assert (refused["code"], refused["missing"]) == ("secret_required", ["moved", "renamed_header"])
    assert secrets_of(house) == first
    answer = await upgrade(house, player, installed, secrets={"moved": "canary-1", "renamed_header": "canary-2"})
    assert "canary" not in answer.text
    assert {each["name"]: each["set"] for each in answer.json()["secrets"]} == {
        "kept": True,
        "moved": True,
        "renamed_header": True,
        "optional_moved": False,
        "same_header": True,
        "new": False,
    }
    second = secrets_of(house)
    assert second.keys() == {"kept", "moved", "renamed_header", "same_header"}
    assert (second["kept"], second["same_header"]) == (first["kept"], first["same_header"])
    assert second["moved"] != first["moved"]
    assert not any(b"canary" in wrapped for wrapped in second.values())


async def test_a_secret_that_becomes_required_is_asked_for_unless_it_was_given(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    optional = {**SECRET, "required": False}
    cat = await house.publish(developer, **{**WITH_SECRET, "secrets": [optional]})
    without = await house.install(player, cat)
    having = await house.install(player, cat, instance_name="Smoky", secrets={"api_key": "k"})
    await offer(house, developer, cat, **WITH_SECRET)
    for installed, asked in ((without, ["api_key"]), (having, [])):
        assert (await seen(house, player, installed))["upgrade_available"]["secrets"] == asked
    refused = await upgrade(house, player, without, expect=422)
    assert refused.json()["missing"] == ["api_key"]
    await upgrade(house, player, having)
    await upgrade(house, player, without, secrets={"api_key": "k"})


async def test_of_upgrades_in_the_same_instant_one_is_made(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    calls = (upgrade(house, player, installed, grants={"notification": True}, expect=None) for _ in range(4))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "version_not_offered"}
    assert answers_of(await seen(house, player, installed)) == {"storage": (True, True), "notification": (True, True)}
    await until_told(house.engine)
    with house.engine.connect() as connection:
        events = connection.scalars(select(LifecycleEvent.event).order_by(LifecycleEvent.sequence)).all()
    assert events == ["installation.created", "installation.upgraded"]


async def test_what_an_upgrade_makes_required_is_not_taken_back_in_the_same_instant(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat, grants={"storage": True, "notification": True})
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    path = f"{INSTALLATIONS}/{installed['id']}/permissions/notification"
    with house.engine.connect() as upgrading:
        upgrading.execute(update(Installation).values(consent_epoch=2))  # as the upgrade, just before its commit
        taking_back = asyncio.create_task(
            house.call("installation", "PUT", path, {"granted": False}, person=player, expect=None)
        )
        await wait_for_a_lock(house.engine)
        upgrading.commit()
    refused = await taking_back
    assert (refused.status_code, refused.json()["code"]) == (409, "permission_required")
    assert answers_of(await seen(house, player, installed))["notification"] == (True, True)


async def test_a_paused_installation_is_upgraded_and_an_uninstalled_one_is_not(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    path = f"{INSTALLATIONS}/{installed['id']}"
    await house.call("installation", "POST", f"{path}/pause", person=player)
    await house.call("installation", "PUT", f"{path}/permissions/storage", {"granted": False}, person=player)
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    # Consent is to all that the release requires, also to what was taken back meanwhile.
    assert (await seen(house, player, installed))["upgrade_available"]["asks_for"] == ["notification", "storage"]
    refused = await upgrade(house, player, installed, grants={"notification": True}, expect=422)
    assert refused.json()["missing"] == ["storage"]
    upgraded = (await upgrade(house, player, installed, grants={"notification": True, "storage": True})).json()
    assert (upgraded["status"], upgraded["version"]) == ("paused", "2.0.0")
    await house.call("installation", "POST", f"{path}/resume", person=player)
    await house.interact(player, installed, "Hello")
    await offer(house, developer, cat, "3.0.0", permissions=[STORAGE, MUST_NOTIFY, {**TASKS, "required": True}])
    await house.call("installation", "DELETE", path, person=player, expect=204)
    ended = await upgrade(house, player, installed, "3.0.0", grants={"tasks": True}, expect=409)
    assert ended.json()["code"] == "transition_not_allowed"


async def test_nobody_else_upgrades_an_installation(house: House) -> None:
    developer, player, other = await house.register("developer"), await house.register(), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    for person in (developer, other, await house.admin()):
        await upgrade(house, person, installed, grants={"notification": True}, expect=404)
    assert (await seen(house, player, installed))["version"] == "1.0.0"


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
