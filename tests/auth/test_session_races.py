"""A log-in and what would have prevented it, in the same moment: in whichever order, no session is left over."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from cathouse.schema import Session, User
from tests.factories.accounts import PASSWORD
from tests.fixtures.clerk import EXCHANGE, Clerk, sign_in
from tests.fixtures.gaps import stop_after, stop_before, until_somebody_waits_for_a_lock
from tests.fixtures.house import House, Person

LOGIN = "/api/v1/auth/login"
NEW_PASSWORD = "another password altogether"


def begin_log_in(house: House, person: Person) -> "asyncio.Task[httpx.Response]":
    body = {"email": person.email, "password": PASSWORD}
    return asyncio.create_task(house.call("auth", "POST", LOGIN, body, expect=None))


async def change_password(house: House, person: Person, _admin: Person | None = None) -> None:
    body = {"current_password": PASSWORD, "password": NEW_PASSWORD}
    await house.call("auth", "POST", "/api/v1/auth/password/change", body, person=person, expect=204)


async def deactivate(house: House, person: Person, admin: Person) -> None:
    await house.call("auth", "PATCH", f"/api/v1/users/{person.id}", {"is_active": False}, person=admin)


async def demote(house: House, person: Person, admin: Person) -> None:
    await house.call("auth", "PATCH", f"/api/v1/users/{person.id}", {"role": "player"}, person=admin)


async def leave(house: House, person: Person, _admin: Person) -> None:
    await house.call("auth", "DELETE", "/api/v1/users/me", person=person, expect=None)
    with house.engine.connect() as connection:
        assert connection.scalar(select(User.is_active).where(User.id == person.id)) is False


ENDINGS: dict[str, Callable[[House, Person, Person], Coroutine[Any, Any, None]]] = {
    "password": change_password,
    "deactivation": deactivate,
    "demotion": demote,
    "erasure": leave,
}


def living_sessions(house: House, user_id: uuid.UUID) -> int:
    query = select(func.count()).select_from(Session).where(Session.user_id == user_id, Session.revoked_at.is_(None))
    with house.engine.connect() as connection:
        return connection.scalar(query) or 0


@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_ends_all_sessions_holds_for_a_log_in_that_was_verified_just_before(
    house: House, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    person, admin = await house.register("developer"), await house.admin()
    # `renewed` is asked between the verification and the session, and by nobody else.
    gap = stop_before(monkeypatch, "auth_service.accounts.passwords.Passwords.renewed")
    logging_in = begin_log_in(house, person)
    await gap.reached()
    await ENDINGS[ending](house, person, admin)
    gap.go_on()
    answer = await logging_in
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert living_sessions(house, person.id) == 0


@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_ends_all_sessions_waits_for_a_log_in_that_is_being_written_and_ends_it(
    house: House, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    person, admin = await house.register("developer"), await house.admin()
    gap = stop_after(monkeypatch, "auth_service.sessions.repository.add_session")
    logging_in = begin_log_in(house, person)
    await gap.reached()  # written, not committed: the account is locked against changes
    ending_all = asyncio.create_task(ENDINGS[ending](house, person, admin))
    await until_somebody_waits_for_a_lock(house.engine)
    assert not ending_all.done()
    gap.go_on()
    given, _ = await asyncio.gather(logging_in, ending_all)
    assert given.status_code == 200
    assert living_sessions(house, person.id) == 0
    body = {"refresh_token": given.json()["refresh_token"]}
    await house.call("auth", "POST", "/api/v1/auth/refresh", body, expect=401)


async def test_a_log_in_waits_for_a_change_that_is_being_written_and_then_fails(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await house.register()
    gap = stop_before(monkeypatch, "auth_service.credentials.service.revoke_sessions_of")
    changing = asyncio.create_task(change_password(house, person))
    await gap.reached()  # the new hash is written and not committed: the old password is still right
    logging_in = begin_log_in(house, person)
    await until_somebody_waits_for_a_lock(house.engine)
    assert not logging_in.done()
    gap.go_on()
    await changing
    assert (await logging_in).status_code == 401
    assert living_sessions(house, person.id) == 0
    await house.log_in(person.email, person.id, NEW_PASSWORD)


@pytest.mark.parametrize("values", [{"is_active": False}, {"clerk_user_id": None}, {"role": "developer"}])
async def test_a_sign_in_through_clerk_is_as_careful(
    clerk_house: House, clerk: Clerk, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]
) -> None:
    house, theirs = clerk_house, {"sub": f"user_{uuid.uuid4().hex}", "email": "mia@example.com"}
    await sign_in(house, clerk.token(**theirs))
    gap = stop_before(monkeypatch, "auth_service.sessions.repository.add_session")
    body = {"token": clerk.token(**theirs)}
    signing_in = asyncio.create_task(house.call("auth", "POST", EXCHANGE, body, expect=None))
    await gap.reached()  # the account was found, with its role
    with house.engine.begin() as connection:
        connection.execute(update(User).values(**values))
        connection.execute(update(Session).values(revoked_at=func.now(), revoked_reason="account_changed"))
    gap.go_on()
    answer = await signing_in
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    with house.engine.connect() as connection:
        living = select(func.count()).select_from(Session).where(Session.revoked_at.is_(None))
        assert connection.scalar(living) == 0


async def test_logging_in_four_times_at_once_disturbs_nobody(house: House) -> None:
    """The locks on one account are shared: nobody waits for anybody, and nobody is taken for somebody who guesses."""
    person = await house.register()
    for _ in range(3):
        answers = await asyncio.gather(*(begin_log_in(house, person) for _ in range(4)))
        assert [answer.status_code for answer in answers] == [200] * 4
    assert living_sessions(house, person.id) == 13
