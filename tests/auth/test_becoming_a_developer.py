"""A developer or admin has a long password, a second factor, or no password at all: however one becomes one."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from cathouse.database import DatabaseUrl
from cathouse.schema import AuditEvent, SecondFactor, Session, User
from tests.factories.accounts import PASSWORD, registration
from tests.fixtures.gaps import stop_before, until_somebody_waits_for_a_lock
from tests.fixtures.house import House, Person, run_house
from tests.fixtures.second_factor import TOTP, set_up_second_factor

DEVELOPER = "/api/v1/users/me/developer"
CHANGE = "/api/v1/auth/password/change"
SHORT, LONG = "Violet-42-x", "violets are blue, 42 of them"


@pytest.fixture
async def one_house(clean_db: DatabaseUrl) -> AsyncIterator[House]:
    async with run_house(clean_db) as running:
        yield running


async def player_with(house: House, password: str = SHORT) -> Person:
    body = registration(password=password)
    made = await house.call("auth", "POST", "/api/v1/auth/register", body, expect=201)
    return await house.log_in(body["email"], uuid.UUID(made.json()["id"]), password)


async def become(house: House, person: Person, *, expect: int | None = 200, **body: Any) -> dict[str, Any]:
    answer = await house.call("auth", "POST", DEVELOPER, body or None, person=person, expect=expect)
    told: dict[str, Any] = answer.json()
    return told


async def refresh(house: House, person: Person, *, expect: int = 200) -> Person:
    body = {"refresh_token": person.tokens["refresh_token"]}
    answer = await house.call("auth", "POST", "/api/v1/auth/refresh", body, expect=expect)
    return Person(person.id, person.email, answer.json())


def role_of(house: House, person: Person) -> str:
    with house.engine.connect() as connection:
        return str(connection.scalar(select(User.role).where(User.id == person.id)))


def changes_of_role(house: House) -> int:
    query = select(func.count()).select_from(AuditEvent).where(AuditEvent.action == "user.role_changed")
    with house.engine.connect() as connection:
        return connection.scalar(query) or 0


async def test_a_short_password_is_refused_with_what_to_do(one_house: House) -> None:
    house, person = one_house, await player_with(one_house)
    told = await become(house, person, expect=422)
    assert told["code"] == "password_too_weak"
    assert "15 characters" in told["detail"]
    assert '"password"' in told["detail"]
    assert "second factor" in told["detail"]
    for password in (SHORT, "fourteen-signs", "x" * 257, "Cat House cathouse", person.email.upper()):
        assert (await become(house, person, password=password, expect=422))["code"] == "password_too_weak", password
    answer = await house.call("auth", "POST", DEVELOPER, {"password": LONG, "role": "admin"}, person=person, expect=422)
    assert LONG not in answer.text
    assert (role_of(house, person), changes_of_role(house)) == ("player", 0)
    await refresh(house, person)


async def test_a_new_password_makes_a_developer_and_ends_every_session(one_house: House) -> None:
    house, person = one_house, await player_with(one_house)
    other = await house.log_in(person.email, person.id, SHORT)
    told = await become(house, person, password=LONG)
    assert (told["id"], told["role"]) == (str(person.id), "developer")
    for each in (person, other):
        await refresh(house, each, expect=401)
    await house.call("auth", "POST", "/api/v1/auth/login", {"email": person.email, "password": SHORT}, expect=401)
    await house.draft(await house.log_in(person.email, person.id, LONG))
    with house.engine.connect() as connection:
        assert connection.scalar(select(User.password_is_long).where(User.id == person.id)) is True
        living = select(func.count()).select_from(Session).where(Session.revoked_at.is_(None))
        assert connection.scalar(living) == 1
        actions = connection.scalars(select(AuditEvent.action).where(AuditEvent.actor_id == person.id)).all()
    assert {"user.password_changed", "user.role_changed"} <= set(actions)


async def test_a_long_password_is_enough_and_the_role_comes_with_the_next_refresh(one_house: House) -> None:
    house, person = one_house, await player_with(one_house, LONG)
    assert (await become(house, person))["role"] == "developer"
    await house.call("catalog", "POST", "/api/v1/cats", {}, person=person, expect=403)
    await house.draft(await refresh(house, person))


async def test_a_developer_stays_one(one_house: House) -> None:
    house, developer, admin = one_house, await one_house.register("developer"), await one_house.admin()
    assert (await become(house, developer))["role"] == "developer"
    assert (await become(house, admin))["role"] == "admin"
    assert changes_of_role(house) == 0
    await refresh(house, developer)
    # A short password does not slip in this way.
    assert (await become(house, developer, password=SHORT, expect=422))["code"] == "password_too_weak"


async def test_without_a_password_there_is_none_to_be_too_short(one_house: House) -> None:
    house, person = one_house, await player_with(one_house)
    with house.engine.begin() as connection:
        connection.execute(update(User).values(password_hash=None, password_is_long=False, clerk_user_id="user_1"))
    told = await become(house, person)
    assert (told["role"], told["has_password"]) == ("developer", False)
    assert (await become(house, person, password=LONG))["has_password"] is True
    await house.log_in(person.email, person.id, LONG)


async def test_it_needs_a_recent_log_in(one_house: House) -> None:
    house, person = one_house, await player_with(one_house, LONG)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE cathouse.sessions SET authenticated_at = now() - interval '11 minutes'"))
    old = await refresh(house, person)
    for body in ({}, {"password": PASSWORD}):
        assert (await become(house, old, expect=403, **body))["code"] == "reauthentication_required"
    await house.call("auth", "POST", DEVELOPER, expect=401)
    assert role_of(house, person) == "player"


async def test_a_second_factor_stands_in_for_length_and_cannot_go_without_it(house: House) -> None:
    person = await player_with(house)
    codes = await set_up_second_factor(house, person)
    assert (await become(house, person))["role"] == "developer"
    refused = await house.call("auth", "DELETE", TOTP, person=person, expect=409)
    assert refused.json()["code"] == "long_password_required"
    assert "15" in refused.json()["detail"]
    body = {"email": person.email, "password": SHORT}
    wanted = await house.call("auth", "POST", "/api/v1/auth/login", body, expect=401)
    assert wanted.json()["code"] == "totp_required"  # it is still in use
    # Another short one is allowed with it, too.
    change = {"current_password": SHORT, "password": "Violet-43-y"}
    await house.call("auth", "POST", CHANGE, change, person=person, expect=204)
    change = {"current_password": "Violet-43-y", "password": LONG}
    await house.call("auth", "POST", CHANGE, change, person=person, expect=204)
    await house.call("auth", "DELETE", TOTP, person=person, expect=204)
    assert (await house.log_in(person.email, person.id, LONG)).tokens
    assert codes


async def test_an_admin_promotes_who_is_protected_well_enough(house: House) -> None:
    admin, person = await house.admin(), await player_with(house)
    path = f"/api/v1/users/{person.id}"
    for body in ({"role": "developer"}, {"role": "admin"}, {"role": "admin", "is_active": True}):
        refused = await house.call("auth", "PATCH", path, body, person=admin, expect=409)
        assert refused.json()["code"] == "stronger_login_required"
    assert (role_of(house, person), changes_of_role(house)) == ("player", 0)
    person = await refresh(house, person)  # and nothing was ended
    await set_up_second_factor(house, person)
    for role in ("developer", "admin", "player", "developer"):
        changed = await house.call("auth", "PATCH", path, {"role": role}, person=admin)
        assert changed.json()["role"] == role
    strong = await player_with(house, LONG)
    await house.call("auth", "PATCH", f"/api/v1/users/{strong.id}", {"role": "developer"}, person=admin)
    # Who came with a weak password from elsewhere can still be closed, opened, and made a player.
    with house.engine.begin() as connection:
        connection.execute(update(User).where(User.id == strong.id).values(password_is_long=False))
    allowed: list[dict[str, Any]] = [{"is_active": False}, {"is_active": True}, {"role": "player"}]
    for each in allowed:
        await house.call("auth", "PATCH", f"/api/v1/users/{strong.id}", each, person=admin)


@pytest.mark.parametrize("way", ["asks", "is promoted"])
async def test_losing_the_second_factor_and_becoming_a_developer_at_once_leaves_no_weak_developer(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """In both orders of the lock on the account."""
    admin = await house.admin()
    checks = {
        "asks": "auth_service.credentials.service.is_protected",
        "is promoted": "auth_service.administration.service.is_protected",
    }

    def rise(person: Person) -> Any:
        if way == "asks":
            return house.call("auth", "POST", DEVELOPER, person=person, expect=None)
        return house.call(
            "auth", "PATCH", f"/api/v1/users/{person.id}", {"role": "developer"}, person=admin, expect=None
        )

    def lose(person: Person) -> Any:
        return house.call("auth", "DELETE", TOTP, person=person, expect=None)

    for first, second, check, statuses in (
        (lose, rise, "auth_service.second_factor.service.is_protected", (204, 422 if way == "asks" else 409)),
        (rise, lose, checks[way], (200, 409)),
    ):
        person = await player_with(house)
        await set_up_second_factor(house, person)
        with monkeypatch.context() as patch:
            gap = stop_before(patch, check)
            begun = asyncio.create_task(first(person))
            await gap.reached()
            following = asyncio.create_task(second(person))
            await until_somebody_waits_for_a_lock(house.engine)
            gap.go_on()
            assert ((await begun).status_code, (await following).status_code) == statuses
        with house.engine.connect() as connection:
            factors = select(func.count()).select_from(SecondFactor).where(SecondFactor.user_id == person.id)
            has_factor = connection.scalar(factors) == 1
        assert (role_of(house, person) == "developer") is has_factor


async def test_a_short_password_that_a_second_factor_allowed_is_refused_when_it_is_gone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await player_with(house, LONG)
    await set_up_second_factor(house, person)
    await become(house, person)
    gap = stop_before(monkeypatch, "auth_service.accounts.passwords.Passwords.hash")
    change = {"current_password": LONG, "password": SHORT}
    changing = asyncio.create_task(house.call("auth", "POST", CHANGE, change, person=person, expect=None))
    await gap.reached()  # the rules were checked
    await house.call("auth", "DELETE", TOTP, person=person, expect=204)
    gap.go_on()
    refused = await changing
    assert (refused.status_code, refused.json()["code"]) == (422, "password_too_weak")
    await house.log_in(person.email, person.id, LONG)
