"""Tasks that a cat makes are its player's, and the cat sees and changes no others."""

from collections.abc import Mapping
from typing import Any

import pytest

from cathouse.schema import PermissionType
from tests.fixtures.cat_calls import token
from tests.fixtures.house import House, Person
from tests.fixtures.waiting import until
from tests.installation.tasks.calls import CATS, GRANTS, MAY, MINE, Headers, change, listed, make, read, soon, uses


async def test_a_cat_makes_tasks_that_are_the_players(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    made = await make(house, cat, path=CATS, due_date=soon(hours=1), tags=["Food"])
    assert (made["installation_id"], made["tags"]) == (home["id"], ["food"])
    assert await read(house, player.headers, made) == made
    path = f"{CATS}/{made['id']}"
    assert (await house.call("installation", "GET", path, headers=cat)).json() == made
    done = (await house.call("installation", "PATCH", path, {"status": "completed"}, headers=cat)).json()
    assert done["completed_at"] is not None
    assert (await house.call("installation", "PATCH", path, {}, headers=cat)).json() == done
    assert await listed(house, cat, path=CATS) == ["Feed Misty"]
    assert uses(house) == ["create", "update", "update"]
    undone = await change(house, player.headers, made, status="pending", title="Feed Tibby")
    assert (undone["title"], undone["completed_at"], undone["installation_id"]) == ("Feed Tibby", None, home["id"])
    await house.call("installation", "DELETE", path, headers=cat, expect=405)
    await house.call("installation", "DELETE", f"{MINE}/{made['id']}", person=player, expect=204)
    await house.call("installation", "PATCH", path, {"title": "x"}, headers=cat, expect=404)
    assert uses(house) == ["create", "update", "update"]


async def test_what_cats_read_is_noted(house: House, cat: Headers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installation_service.activity.uses.GATHER_S", 0.0)
    made = await make(house, cat, path=CATS)
    await listed(house, cat, path=CATS)
    await house.call("installation", "GET", f"{CATS}/{made['id']}", headers=cat)
    await until(lambda: len(uses(house)) >= 3)
    assert sorted(uses(house)) == ["create", "get", "list"]


async def test_a_cat_sees_its_own_installations_tasks_only(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    mine, cats = await make(house, player.headers), await make(house, cat, path=CATS)
    again = await house.install(player, {"id": home["cat"]["id"]}, instance_name="Smoky", grants=GRANTS)
    strangers = await house.install(await house.register(), {"id": home["cat"]["id"]}, grants=GRANTS)
    for headers, task in (
        (cat, mine),
        (token(again, MAY), mine),
        (token(again, MAY), cats),
        (token(strangers, MAY), cats),
    ):
        path = f"{CATS}/{task['id']}"
        await house.call("installation", "GET", path, headers=headers, expect=404)
        for body in ({"title": "x"}, {}):
            answer = await house.call("installation", "PATCH", path, body, headers=headers, expect=404)
            assert answer.json()["code"] == "not_found"
    assert await listed(house, token(again, MAY), path=CATS) == []
    assert await listed(house, cat, path=CATS) == ["Feed Misty"]
    assert await read(house, player.headers, cats) == cats


def calls_of_cats(task: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any] | None]]:
    return [
        ("GET", CATS, None),
        ("POST", CATS, {"title": "x"}),
        ("GET", f"{CATS}/{task['id']}", None),
        ("PATCH", f"{CATS}/{task['id']}", {"title": "x"}),
        ("PATCH", f"{CATS}/{task['id']}", {}),
    ]


async def test_a_cat_that_lost_the_permission_does_nothing_more_with_its_old_token(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    task = await make(house, cat, path=CATS)
    path = f"/api/v1/installations/{home['id']}/permissions/tasks"
    await house.call("installation", "PUT", path, {"granted": False}, person=player)
    for method, call, body in calls_of_cats(task):
        answer = await house.call("installation", method, call, body, headers=cat, expect=403)
        assert (answer.json()["code"], answer.json()["permission_type"]) == ("permission_not_granted", "tasks")
    assert await listed(house, player.headers) == ["Feed Misty"]
    assert uses(house) == ["create"]
    await house.call("installation", "PUT", path, {"granted": True}, person=player)
    narrow = token(home, frozenset({PermissionType.STORAGE}))
    for method, call, body in calls_of_cats(task):
        await house.call("installation", method, call, body, headers=narrow, expect=403)
    for headers in ({}, player.headers):
        await house.call("installation", "GET", CATS, headers=headers, expect=401)


@pytest.mark.parametrize("move", ["pause", "uninstall"])
async def test_a_cat_whose_installation_is_not_active_is_nobody_and_its_tasks_stay(
    house: House, player: Person, home: dict[str, Any], cat: Headers, move: str
) -> None:
    task = await make(house, cat, path=CATS)
    path = f"/api/v1/installations/{home['id']}"
    if move == "pause":
        await house.call("installation", "POST", f"{path}/pause", person=player)
    else:
        await house.call("installation", "DELETE", path, person=player, expect=204)
    for method, call, body in calls_of_cats(task):
        answer = await house.call("installation", method, call, body, headers=cat, expect=401)
        assert answer.json()["code"] == "installation_not_active"
    changed = await change(house, player.headers, task, status="completed")
    assert (changed["installation_id"], changed["title"]) == (home["id"], "Feed Misty")
