"""What admins may do with accounts, and what is noted of it."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select, update

from cathouse.schema import AuditEvent, User
from tests.auth.tokens import claims_of
from tests.factories.accounts import PASSWORD
from tests.factories.cats import cat_creation
from tests.fixtures.house import House, Person, directly

USERS = "/api/v1/users"
EVENTS = "/api/v1/audit-events"


async def change(house: House, admin: Person, user_id: uuid.UUID, *, expect: int = 200, **body: Any) -> dict[str, Any]:
    answer = await house.call("auth", "PATCH", f"{USERS}/{user_id}", body, person=admin, expect=expect)
    result: dict[str, Any] = answer.json()
    return result


async def test_only_admins_look_and_change(house: House) -> None:
    player, developer = await house.register(), await house.register("developer")
    for person in (player, developer):
        for method, path in (
            ("GET", USERS),
            ("GET", f"{USERS}/{player.id}"),
            ("PATCH", f"{USERS}/{player.id}"),
            ("GET", EVENTS),
        ):
            body = {"role": "admin"} if method == "PATCH" else None
            answer = await house.call("auth", method, path, body, person=person, expect=403)
            assert answer.json()["code"] == "role_required"
    await house.call("auth", "GET", USERS, expect=401)


async def test_accounts_are_found_by_name_address_role_and_state(house: House) -> None:
    admin = await house.admin()
    mia = await house.register()
    await house.call("auth", "PATCH", f"{USERS}/me", {"display_name": "Mia 100%_sure"}, person=mia)
    await house.register("developer")
    await change(house, admin, mia.id, is_active=False)

    async def found(query: str) -> list[str]:
        answer = await house.call("auth", "GET", f"{USERS}?{query}", person=admin)
        return [each["id"] for each in answer.json()["items"]]

    assert await found("search=100%25_S") == [str(mia.id)]
    assert await found("search=100x_s") == []  # no wildcard of anybody's
    assert await found(f"search={mia.email.upper()}") == [str(mia.id)]
    assert await found("is_active=false") == [str(mia.id)]
    assert await found("role=admin") == [str(admin.id)]
    first = (await house.call("auth", "GET", f"{USERS}?limit=2", person=admin)).json()
    rest = (await house.call("auth", "GET", f"{USERS}?limit=2&cursor={first['next_cursor']}", person=admin)).json()
    assert len({each["id"] for each in first["items"] + rest["items"]}) == 3
    one = (await house.call("auth", "GET", f"{USERS}/{mia.id}", person=admin)).json()
    assert (one["display_name"], one["is_active"]) == ("Mia 100%_sure", False)
    missing = await house.call("auth", "GET", f"{USERS}/{uuid.uuid4()}", person=admin, expect=404)
    assert missing.json()["code"] == "user_not_found"
    await house.call("auth", "GET", f"{USERS}?search=%00", person=admin, expect=422)


async def test_who_is_closed_is_logged_out_and_cannot_come_back(house: House) -> None:
    admin, person = await house.admin(), await house.register()
    assert (await change(house, admin, person.id, is_active=False))["is_active"] is False
    credentials = {"email": person.email, "password": PASSWORD}
    await house.call("auth", "POST", "/api/v1/auth/login", credentials, expect=401)
    refresh = {"refresh_token": person.tokens["refresh_token"]}
    await house.call("auth", "POST", "/api/v1/auth/refresh", refresh, expect=401)
    await change(house, admin, person.id, is_active=True)
    await house.log_in(person.email, person.id)


async def test_a_new_role_holds_from_the_next_log_in(house: House) -> None:
    admin, person = await house.admin(), await house.register()
    assert (await change(house, admin, person.id, role="developer"))["role"] == "developer"
    await house.call(
        "auth", "POST", "/api/v1/auth/refresh", {"refresh_token": person.tokens["refresh_token"]}, expect=401
    )
    again = await house.log_in(person.email, person.id)
    await house.draft(again)


async def test_the_last_admin_stays(house: House) -> None:
    admin = await house.admin()
    for body in ({"role": "player"}, {"is_active": False}, {"role": "developer", "is_active": False}):
        assert (await change(house, admin, admin.id, expect=409, **body))["code"] == "last_admin"
    second = await house.admin()
    await change(house, second, admin.id, role="player")
    await change(house, second, second.id, expect=409, is_active=False)


async def test_two_admins_who_demote_one_another_leave_one(house: House) -> None:
    first, second = await house.admin(), await house.admin()
    results = await asyncio.gather(
        house.call("auth", "PATCH", f"{USERS}/{second.id}", {"role": "player"}, person=first, expect=None),
        house.call("auth", "PATCH", f"{USERS}/{first.id}", {"role": "player"}, person=second, expect=None),
    )
    assert sorted(result.status_code for result in results) == [200, 403]
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(User).where(User.role == "admin")) == 1


async def test_an_admin_who_is_none_any_more_changes_nothing(house: House) -> None:
    first, second, person = await house.admin(), await house.admin(), await house.register()
    with house.engine.begin() as connection:
        connection.execute(update(User).where(User.id == second.id).values(role="player"))
    assert (await change(house, second, person.id, expect=403, role="admin"))["code"] == "role_required"
    await change(house, first, person.id, role="admin")


@pytest.mark.parametrize("now", [{"role": "developer"}, {"is_active": False}])
async def test_a_token_of_a_former_admin_opens_nothing_that_is_an_admins(house: House, now: dict[str, Any]) -> None:
    admin, former, person = await house.admin(), await house.admin(), await house.register("developer")
    cat = await house.publish(person)
    await change(house, admin, former.id, **now)
    for service, method, path, body in (
        ("auth", "GET", USERS, None),
        ("auth", "GET", f"{USERS}/{person.id}", None),
        ("auth", "PATCH", f"{USERS}/{person.id}", {"is_active": False}),
        ("auth", "PATCH", f"{USERS}/{former.id}", {"role": "admin", "is_active": True}),
        ("auth", "GET", EVENTS, None),
        ("catalog", "POST", f"/api/v1/cats/{cat['id']}/suspend", {"reason": "revenge"}),
        ("catalog", "POST", f"/api/v1/cats/{cat['id']}/reinstate", None),
    ):
        answer = await house.call(service, method, path, body, person=former, expect=403)
        assert answer.json()["code"] == "role_required"
        assert person.email not in answer.text
    await house.call("catalog", "GET", f"/api/v1/cats/{cat['slug']}")
    body = {"refresh_token": former.tokens["refresh_token"]}
    await house.call("auth", "POST", "/api/v1/auth/refresh", body, expect=401)


async def test_a_refresh_carries_the_role_that_the_account_has_now(house: House) -> None:
    person = await house.register("developer")
    assert claims_of(person.tokens["access_token"])["role"] == "developer"
    with house.engine.begin() as connection:
        connection.execute(update(User).where(User.id == person.id).values(role="player"))
    body = {"refresh_token": person.tokens["refresh_token"]}
    tokens = (await house.call("auth", "POST", "/api/v1/auth/refresh", body)).json()
    assert claims_of(tokens["access_token"])["role"] == "player"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = await house.call("catalog", "POST", "/api/v1/cats", cat_creation(), headers=headers, expect=403)
    assert answer.json()["code"] == "role_required"


@directly
@pytest.mark.parametrize("body", [{"role": "king"}, {"role": None}, {"is_active": None}, {"email": "x@example.com"}])
async def test_what_is_wrong_is_refused(house: House, body: dict[str, Any]) -> None:
    admin = await house.admin()
    await change(house, admin, admin.id, expect=422, **body)


async def test_what_was_done_is_noted_without_personal_data(house: House) -> None:
    admin, person = await house.admin(), await house.register()
    await change(house, admin, person.id, role="developer")
    await change(house, admin, person.id, role="developer")  # nothing changes, nothing is noted
    await change(house, admin, person.id, is_active=False)
    answer = await house.call("auth", "GET", f"{EVENTS}?actor_id={admin.id}", person=admin)
    noted = [(each["action"], each["subject"], each["detail"]) for each in answer.json()["items"]]
    subject = {"user_id": str(person.id)}
    assert noted[:2] == [
        ("user.deactivated", subject, {}),
        ("user.role_changed", subject, {"from": "player", "to": "developer"}),
    ]
    assert person.email not in answer.text
    only = await house.call("auth", "GET", f"{EVENTS}?action=user.deactivated", person=admin)
    assert len(only.json()["items"]) == 1
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(AuditEvent)) == len(
            (await house.call("auth", "GET", f"{EVENTS}?limit=100", person=admin)).json()["items"]
        )
