"""Suspensions: the developer's and the operator's, each lifted by the same hand only."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from cathouse.schema import LifecycleEvent
from tests.factories.cats import NOTIFICATION, STORAGE
from tests.fixtures.cat_calls import STORAGE as STORAGE_PATH
from tests.fixtures.cat_calls import token
from tests.fixtures.erasures import events
from tests.fixtures.house import Body, House, Person, directly
from tests.fixtures.installations import INSTALLATIONS, seen
from tests.fixtures.lifecycle import until_told

SUSPENDED, REINSTATED = "installation.suspended", "installation.reinstated"

Home = tuple[Person, Person, dict[str, Any]]


@pytest.fixture
async def home(house: House) -> Home:
    """A developer, a player, and the developer's cat in the player's home."""
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, permissions=[STORAGE, NOTIFICATION])
    return developer, player, await house.install(player, cat)


def of_cat(installed: dict[str, Any], action: str) -> str:
    return f"/api/v1/developer/cats/{installed['cat']['id']}/installations/{installed['id']}/{action}"


def of_any(installed: dict[str, Any], action: str) -> str:
    return f"/api/v1/admin/installations/{installed['id']}/{action}"


async def post(
    house: House, path: str, person: Person, reason: str | None = None, *, expect: int | None = 200
) -> httpx.Response:
    body: Body = None if reason is None else {"reason": reason}
    return await house.call("installation", "POST", path, body, person=person, expect=expect)


async def shown(house: House, player: Person, installed: dict[str, Any]) -> tuple[str, str] | None:
    """By whom the player's installation is suspended, and why."""
    suspended = (await seen(house, player, installed))["suspended"]
    return None if suspended is None else (suspended["by"], suspended["reason"])


async def cat_may_call(house: House, installed: dict[str, Any]) -> bool:
    answer = await house.call("installation", "GET", f"{STORAGE_PATH}?limit=1", headers=token(installed), expect=None)
    if answer.status_code == 200:
        return True
    assert (answer.status_code, answer.json()["code"]) == (401, "installation_not_active")
    return False


async def test_a_developer_stops_an_installation_of_the_own_cat_and_the_player_sees_why(
    house: House, home: Home
) -> None:
    developer, player, installed = home
    assert await cat_may_call(house, installed)
    answer = (await post(house, of_cat(installed, "suspend"), developer, "  Too many calls. ")).json()
    found = await seen(house, player, installed)
    assert found["suspended"] == {"by": "developer", "reason": "Too many calls.", "since": found["updated_at"]}
    assert (found["status"], found["permissions"]) == ("active", installed["permissions"])
    assert (answer["installation_id"], answer["suspended"]) == (installed["id"], found["suspended"])
    refused = await house.interact(player, installed, "Hello", expect=423)
    assert refused.json()["code"] == "installation_suspended"
    assert not await cat_may_call(house, installed)
    answer = (await post(house, of_cat(installed, "reinstate"), developer)).json()
    assert answer["suspended"] is None
    assert await shown(house, player, installed) is None
    await house.interact(player, installed, "Hello")
    assert await cat_may_call(house, installed)


async def test_each_suspension_is_lifted_by_the_hand_that_made_it(house: House, home: Home) -> None:
    developer, player, installed = home
    admin = await house.admin()
    await post(house, of_cat(installed, "suspend"), developer, "Too many calls.")
    await post(house, of_any(installed, "reinstate"), admin)
    assert await shown(house, player, installed) == ("developer", "Too many calls.")
    answer = (await post(house, of_any(installed, "suspend"), admin, "Abuse.")).json()
    assert answer.keys() == {"installation_id", "cat_id", "status", "suspended"}
    assert (answer["installation_id"], answer["suspended"]["by"]) == (installed["id"], "operator")
    # The operator's word comes first; under it the developer's stays.
    assert await shown(house, player, installed) == ("operator", "Abuse.")
    answer = (await post(house, of_cat(installed, "reinstate"), developer)).json()
    assert answer["suspended"]["by"] == "operator"
    assert await shown(house, player, installed) == ("operator", "Abuse.")
    assert not await cat_may_call(house, installed)
    await post(house, of_cat(installed, "suspend"), developer, "Again.")
    await post(house, of_any(installed, "reinstate"), admin)
    assert await shown(house, player, installed) == ("developer", "Again.")
    assert not await cat_may_call(house, installed)
    await post(house, of_cat(installed, "reinstate"), developer)
    assert await cat_may_call(house, installed)


async def test_what_is_repeated_changes_nothing_and_the_first_reason_holds(house: House, home: Home) -> None:
    developer, player, installed = home
    admin = await house.admin()
    for path, person, by in (
        (of_cat, developer, "developer"),
        (of_any, admin, "operator"),
    ):
        await post(house, path(installed, "reinstate"), person)
        await post(house, path(installed, "suspend"), person, "First.")
        first = await seen(house, player, installed)
        await post(house, path(installed, "suspend"), person, "Second.")
        assert await seen(house, player, installed) == first
        assert await shown(house, player, installed) == (by, "First.")
        for _ in range(2):
            await post(house, path(installed, "reinstate"), person)
    assert await shown(house, player, installed) is None
    assert [(each.action, each.detail) for each in events(house.engine, SUSPENDED, REINSTATED)] == [
        (action, {"by": by}) for by in ("developer", "operator") for action in (SUSPENDED, REINSTATED)
    ]


async def test_the_audit_names_who_and_what_by_id_and_not_why(house: House, home: Home) -> None:
    developer, _, installed = home
    admin = await house.admin()
    await post(house, of_cat(installed, "suspend"), developer, "quillfeather")
    await post(house, of_any(installed, "suspend"), admin, "quillfeather")
    await post(house, of_cat(installed, "reinstate"), developer)
    subject = {"installation_id": installed["id"], "cat_id": installed["cat"]["id"]}
    assert [
        (each.action, each.actor_id, each.subject, each.detail) for each in events(house.engine, SUSPENDED, REINSTATED)
    ] == [
        (SUSPENDED, developer.id, subject, {"by": "developer"}),
        (SUSPENDED, admin.id, subject, {"by": "operator"}),
        (REINSTATED, developer.id, subject, {"by": "developer"}),
    ]


async def test_the_cat_is_told_when_it_stops_and_when_it_goes_on(house: House, home: Home) -> None:
    developer, _, installed = home
    admin = await house.admin()
    await post(house, of_cat(installed, "suspend"), developer, "One.")
    await post(house, of_any(installed, "suspend"), admin, "Two.")
    await post(house, of_cat(installed, "reinstate"), developer)
    await post(house, of_any(installed, "reinstate"), admin)
    await until_told(house.engine)
    with house.engine.connect() as connection:
        told = connection.scalars(select(LifecycleEvent.event).order_by(LifecycleEvent.sequence)).all()
    assert told == ["installation.created", "installation.suspended", "installation.reinstated"]


@pytest.mark.parametrize("by", ["developer", "operator"])
async def test_several_suspensions_in_the_same_instant_are_one(house: House, home: Home, by: str) -> None:
    developer, player, installed = home
    path, person = (of_cat, developer) if by == "developer" else (of_any, await house.admin())
    reasons = [f"Reason {number}." for number in range(4)]
    await asyncio.gather(*(post(house, path(installed, "suspend"), person, reason) for reason in reasons))
    found = await shown(house, player, installed)
    assert found is not None
    assert found[0] == by
    assert found[1] in reasons
    assert len(events(house.engine, SUSPENDED)) == 1
    await until_told(house.engine)
    with house.engine.connect() as connection:
        told = connection.scalars(select(LifecycleEvent.event).order_by(LifecycleEvent.sequence)).all()
    assert told == ["installation.created", "installation.suspended"]


async def test_a_player_pauses_resumes_and_uninstalls_what_is_suspended_and_it_stays_suspended(
    house: House, home: Home
) -> None:
    developer, player, installed = home
    await post(house, of_cat(installed, "suspend"), developer, "Too many calls.")
    path = f"{INSTALLATIONS}/{installed['id']}"
    for action in ("pause", "resume"):
        await house.call("installation", "POST", f"{path}/{action}", person=player)
        assert await shown(house, player, installed) == ("developer", "Too many calls.")
    await house.interact(player, installed, "Hello", expect=423)
    await house.call("installation", "DELETE", path, person=player, expect=204)
    # A new installation is another one.
    await house.interact(player, await house.install(player, installed["cat"]), "Hello")


async def test_a_paused_installation_can_be_suspended_and_an_uninstalled_one_cannot(house: House, home: Home) -> None:
    developer, player, installed = home
    admin = await house.admin()
    path = f"{INSTALLATIONS}/{installed['id']}"
    await house.call("installation", "POST", f"{path}/pause", person=player)
    answer = (await post(house, of_cat(installed, "suspend"), developer, "Too many calls.")).json()
    assert (answer["status"], answer["suspended"]["by"]) == ("paused", "developer")
    await house.call("installation", "DELETE", path, person=player, expect=204)
    for where, person in ((of_cat, developer), (of_any, admin)):
        for action, reason in (("suspend", "x"), ("reinstate", None)):
            refused = await post(house, where(installed, action), person, reason, expect=409)
            assert refused.json()["code"] == "transition_not_allowed"


async def test_only_the_cats_developer_and_admins_suspend(house: House, home: Home) -> None:
    developer, player, installed = home
    other, admin = await house.register("developer"), await house.admin()
    own = await house.publish(other)
    for action, reason in (("suspend", "x"), ("reinstate", None)):
        # Not the own cat; the own cat, but an installation of another one; an admin who is not the developer either.
        await post(house, of_cat(installed, action), other, reason, expect=404)
        await post(house, of_cat({**installed, "cat": own}, action), other, reason, expect=404)
        await post(house, of_cat(installed, action), admin, reason, expect=404)
        await post(house, of_any({"id": own["id"]}, action), admin, reason, expect=404)
        for person, where in ((player, of_cat), (player, of_any), (developer, of_any)):
            refused = await post(house, where(installed, action), person, reason, expect=403)
            assert refused.json()["code"] == "role_required"
    assert await shown(house, player, installed) is None


@directly
@pytest.mark.parametrize(
    "body",
    [{}, {"reason": None}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}, {"reason": 1}, {"why": "x"}, None],
)
async def test_a_suspension_has_a_reason(house: House, home: Home, body: Any) -> None:
    developer, player, installed = home
    admin = await house.admin()
    for path, person in ((of_cat, developer), (of_any, admin)):
        await house.call("installation", "POST", path(installed, "suspend"), body, person=person, expect=422)
    assert await shown(house, player, installed) is None
    await post(house, of_cat(installed, "suspend"), developer, f" {'x' * 500} ")
