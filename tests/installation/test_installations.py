"""Installing, pausing, resuming, uninstalling, and answering what a cat asks for."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from cathouse.schema import Installation, PlayerAlias, PlayerSecret
from tests.factories.cats import EXTERNAL, NOTIFICATION, SCHEMA, SECRET, STORAGE
from tests.fixtures.house import House
from tests.fixtures.installations import INSTALLATIONS


def body(cat: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"cat_id": cat["id"], "instance_name": "Misty", "grants": {"storage": True}, **changes}


async def test_an_installation_shows_what_was_agreed(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    assert (installed["status"], installed["version"], installed["instance_name"]) == ("active", "1.0.0", "Misty")
    assert installed["cat"] == {"id": cat["id"], "slug": cat["slug"], "name": cat["name"], "status": "published"}
    granted = {each["permission_type"]: (each["required"], each["granted"]) for each in installed["permissions"]}
    assert granted == {"storage": (True, True), "notification": (False, False)}
    assert installed["suspended"] is installed["upgrade_available"] is installed["last_interaction_at"] is None
    listed = (await house.call("installation", "GET", INSTALLATIONS, person=player)).json()
    assert listed == {"items": [installed], "next_cursor": None}


@pytest.mark.parametrize(
    ("changes", "code", "missing"),
    [
        ({"grants": {}}, "permission_required", ["storage"]),
        ({"grants": {"storage": False}}, "permission_required", ["storage"]),
        ({"grants": {"storage": True, "tasks": True}}, "permission_not_requested", None),
        ({"config": {"any": 1}}, "config_invalid", None),
        ({"secrets": {"made_up": "x"}}, "secret_not_declared", None),
    ],
)
async def test_what_keeps_a_cat_from_being_installed_is_named(
    house: House, changes: dict[str, Any], code: str, missing: list[str] | None
) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    answer = await house.call("installation", "POST", INSTALLATIONS, body(cat, **changes), person=player, expect=422)
    assert answer.json()["code"] == code
    assert answer.json().get("missing") == missing


async def test_drafts_unknown_and_suspended_cats_are_not_installed(house: House) -> None:
    developer, player, admin = await house.register("developer"), await house.register(), await house.admin()
    draft, cat = await house.draft(developer), await house.publish(developer)
    await house.call("catalog", "POST", f"/api/v1/cats/{cat['id']}/suspend", {"reason": "x"}, person=admin)
    for each in (draft, cat):
        refused = await house.call("installation", "POST", INSTALLATIONS, body(each), person=player, expect=409)
        assert refused.json()["code"] == "cat_not_published"
    await house.call("installation", "POST", INSTALLATIONS, body({"id": str(uuid.uuid4())}), person=player, expect=404)


async def test_a_drafts_own_developer_may_try_it_when_its_endpoint_answers(house: House) -> None:
    developer, other = await house.register("developer"), await house.register("developer")
    draft = await house.draft(developer)
    refused = await house.call("installation", "POST", INSTALLATIONS, body(draft), person=other, expect=409)
    assert refused.json()["code"] == "cat_not_published"
    tried = await house.install(developer, draft)
    assert (tried["version"], tried["cat"]["status"], tried["upgrade_available"]) == ("1.0.0", "draft", None)
    assert (await house.interact(developer, tried, "Hello")).json()["output"]
    # What is written on runs at once: there is nobody but its developer to ask.
    change = {"version": "1.1.0"}
    path = f"/api/v1/cats/{draft['id']}/releases/1.0.0"
    await house.call("catalog", "PATCH", path, change, person=developer)
    seen = await house.call("installation", "GET", f"{INSTALLATIONS}/{tried['id']}", person=developer)
    assert seen.json()["version"] == "1.1.0"
    await house.call("catalog", "POST", f"/api/v1/cats/{draft['id']}/publish", person=developer)
    seen = await house.call("installation", "GET", f"{INSTALLATIONS}/{tried['id']}", person=developer)
    assert (seen.json()["version"], seen.json()["cat"]["status"]) == ("1.1.0", "published")
    assert (await house.interact(developer, tried, "Hello")).json()["output"]


async def test_a_draft_whose_endpoint_does_not_answer_is_not_installed(house: House) -> None:
    developer = await house.register("developer")
    draft = await house.draft(developer, endpoint_url="http://127.0.0.1:9/")
    refused = await house.call("installation", "POST", INSTALLATIONS, body(draft), person=developer, expect=422)
    assert refused.json()["code"] == "endpoint_challenge_failed"
    assert refused.json()["cause"]
    listed = await house.call("installation", "GET", INSTALLATIONS, person=developer)
    assert listed.json()["items"] == []


async def test_a_living_name_is_taken_once_also_in_the_same_instant(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    answers = await asyncio.gather(
        *(house.call("installation", "POST", INSTALLATIONS, body(cat), person=player, expect=None) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"instance_name_taken"}
    await house.install(player, cat, instance_name="Smoky")
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(PlayerAlias)) == 1


async def test_reinstalling_begins_anew_under_the_same_alias(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    first = await house.install(player, cat)
    await house.interact(player, first, "one")
    for _ in range(2):
        await house.call("installation", "DELETE", f"{INSTALLATIONS}/{first['id']}", person=player, expect=204)
    second = await house.install(player, cat)
    assert second["id"] != first["id"]
    assert (await house.interact(player, second, "one")).json()["output"]["visits"] == 1
    gone = (await house.call("installation", "GET", f"{INSTALLATIONS}/{first['id']}", person=player)).json()
    assert gone["status"] == "uninstalled"
    for move in ("pause", "resume"):
        refused = await house.call(
            "installation", "POST", f"{INSTALLATIONS}/{first['id']}/{move}", person=player, expect=409
        )
        assert refused.json()["code"] == "transition_not_allowed"


async def test_an_installation_is_its_players_only(house: House) -> None:
    developer, player, other = await house.register("developer"), await house.register(), await house.register()
    installed = await house.install(player, await house.publish(developer))
    path = f"{INSTALLATIONS}/{installed['id']}"
    for person in (other, developer):
        await house.call("installation", "GET", path, person=person, expect=404)
        await house.call("installation", "POST", f"{path}/pause", person=person, expect=404)
        await house.call("installation", "DELETE", path, person=person, expect=404)
        await house.call(
            "installation", "PUT", f"{path}/permissions/storage", {"granted": False}, person=person, expect=404
        )
        assert (await house.interact(person, installed, "?", expect=404)).json()["code"] == "not_found"
    await house.call("installation", "GET", path, expect=401)


async def test_a_required_permission_is_taken_back_from_a_paused_cat_only(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    installed = await house.install(player, await house.publish(developer))
    path = f"{INSTALLATIONS}/{installed['id']}"
    refused = await house.call(
        "installation", "PUT", f"{path}/permissions/storage", {"granted": False}, person=player, expect=409
    )
    assert refused.json()["code"] == "permission_required"
    for _ in range(2):
        assert (await house.call("installation", "POST", f"{path}/pause", person=player)).json()["status"] == "paused"
    await house.call("installation", "PUT", f"{path}/permissions/storage", {"granted": False}, person=player)
    blocked = await house.call("installation", "POST", f"{path}/resume", person=player, expect=422)
    assert (blocked.json()["code"], blocked.json()["missing"]) == ("permission_required", ["storage"])
    await house.call("installation", "PUT", f"{path}/permissions/storage", {"granted": True}, person=player)
    assert (await house.call("installation", "POST", f"{path}/resume", person=player)).json()["status"] == "active"
    unasked = f"{path}/permissions/tasks"
    await house.call("installation", "PUT", unasked, {"granted": True}, person=player, expect=404)
    await house.call("installation", "PUT", f"{path}/permissions/all", {"granted": True}, person=player, expect=422)
    listed = (await house.call("installation", "GET", f"{path}/permissions", person=player)).json()["items"]
    assert {each["permission_type"]: each["granted"] for each in listed} == {"storage": True, "notification": False}
    again = await house.call("installation", "PUT", f"{path}/permissions/storage", {"granted": True}, person=player)
    assert again.json() in listed
    await house.call("installation", "DELETE", path, person=player, expect=204)
    ended = await house.call(
        "installation", "PUT", f"{path}/permissions/notification", {"granted": True}, person=player, expect=409
    )
    assert ended.json()["code"] == "transition_not_allowed"


async def test_revoking_raises_the_generation_and_granting_does_not(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    installed = await house.install(player, await house.publish(developer))
    path = f"{INSTALLATIONS}/{installed['id']}/permissions/notification"
    generations = []
    for granted in (True, True, False, False, True):
        await house.call("installation", "PUT", path, {"granted": granted}, person=player)
        with house.engine.connect() as connection:
            generations.append(connection.scalar(select(Installation.grant_generation)))
    assert generations == [1, 1, 2, 2, 2]


async def test_a_config_must_fit_the_schema_and_faults_are_located(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, config_schema=SCHEMA)
    bad = {"days": 0, "extra": True}
    answer = await house.call("installation", "POST", INSTALLATIONS, body(cat, config=bad), person=player, expect=422)
    assert answer.json()["code"] == "config_invalid"
    assert {error["location"] for error in answer.json()["errors"]} == {"body.config", "body.config.days"}
    huge = {"city": "x" * 20_000}
    await house.call("installation", "POST", INSTALLATIONS, body(cat, config=huge), person=player, expect=422)
    installed = await house.install(player, cat, config={"city": "Köln"})
    assert installed["config"] == {"city": "Köln"}


async def test_secrets_are_asked_for_kept_wrapped_and_never_shown(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(
        developer, permissions=[STORAGE, NOTIFICATION, EXTERNAL], egress_hosts=[SECRET["host"]], secrets=[SECRET]
    )
    missing = await house.call("installation", "POST", INSTALLATIONS, body(cat), person=player, expect=422)
    assert (missing.json()["code"], missing.json()["missing"]) == ("secret_required", ["api_key"])
    answer = await house.call(
        "installation", "POST", INSTALLATIONS, body(cat, secrets={"api_key": "canary-123"}), person=player, expect=201
    )
    assert answer.json()["secrets"] == [{"name": "api_key", "description": "Your key.", "required": True, "set": True}]
    assert "canary-123" not in answer.text
    with house.engine.connect() as connection:
        wrapped = connection.scalar(select(PlayerSecret.wrapped_value))
    assert wrapped is not None
    assert b"canary" not in wrapped


async def test_a_list_is_filtered_and_paged(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    made = [await house.install(player, cat, instance_name=f"Cat {number}") for number in range(5)]
    await house.call("installation", "POST", f"{INSTALLATIONS}/{made[0]['id']}/pause", person=player)
    seen, cursor = [], ""
    for _ in range(3):
        page = (await house.call("installation", "GET", f"{INSTALLATIONS}?limit=2{cursor}", person=player)).json()
        seen += [item["instance_name"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"Cat {number}" for number in (4, 3, 2, 1, 0)]
    assert page["next_cursor"] is None
    paused = (await house.call("installation", "GET", f"{INSTALLATIONS}?status=paused", person=player)).json()
    assert [item["instance_name"] for item in paused["items"]] == ["Cat 0"]
    none = await house.call("installation", "GET", f"{INSTALLATIONS}?cat_id={uuid.uuid4()}", person=player)
    assert none.json()["items"] == []
