"""Signing in through Clerk: whose account it opens, and whose never."""

import asyncio
import datetime as dt
import re
import uuid
from email import message_from_bytes, policy
from typing import Any

from sqlalchemy import func, select, text, update

from auth_service.login_attempts.repository import attempt_key
from cathouse.schema import ApiKey, AuditEvent, LoginAttempt, SecondFactor, Session, User, UserPreferences
from tests.factories.accounts import PASSWORD, registration
from tests.fixtures.clerk import Clerk, bearer, sign_in
from tests.fixtures.house import House
from tests.fixtures.second_factor import set_up_second_factor

ME = "/api/v1/users/me"
LOGIN = "/api/v1/auth/login"


async def me(house: House, tokens: dict[str, Any]) -> dict[str, Any]:
    answer = await house.call("auth", "GET", ME, headers=bearer(tokens))
    profile: dict[str, Any] = answer.json()
    return profile


def verify(house: House, email: str) -> None:
    with house.engine.begin() as connection:
        connection.execute(update(User).where(User.email_key == email.lower()).values(email_verified_at=func.now()))


def count(house: House, query: Any) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(query)) or 0


async def test_the_first_sight_makes_an_account_and_the_second_finds_it(clerk_house: House, clerk: Clerk) -> None:
    house, person = clerk_house, f"user_{uuid.uuid4().hex}"
    first = await sign_in(house, clerk.token(sub=person, email="Mia@Example.com", name=" Mia  "))
    profile = await me(house, first)
    assert profile["clerk_user_id"] == person
    assert (profile["email"], profile["display_name"], profile["role"]) == ("Mia@Example.com", "Mia", "player")
    assert (profile["email_verified"], profile["has_password"], profile["is_active"]) == (True, False, True)
    assert count(house, UserPreferences) == 1
    second = await sign_in(house, clerk.token(sub=person, email="mia@example.com", name="Somebody Else"))
    assert await me(house, second) == profile
    assert (count(house, User), count(house, Session)) == (1, 2)
    refreshed = await house.call(
        "auth", "POST", "/api/v1/auth/refresh", {"refresh_token": second["refresh_token"]}, expect=200
    )
    await house.call("catalog", "GET", "/api/v1/cats?mine=true", headers=bearer(refreshed.json()))
    # There is no password that would open it.
    for password in ("", " ", PASSWORD, "None"):
        await house.call(
            "auth", "POST", LOGIN, {"email": "mia@example.com", "password": password}, expect=401 if password else 422
        )


async def test_the_account_stays_the_same_when_the_address_changes_at_clerk(clerk_house: House, clerk: Clerk) -> None:
    house, person = clerk_house, f"user_{uuid.uuid4().hex}"
    profile = await me(house, await sign_in(house, clerk.token(sub=person, email="old@example.com")))
    for changes in ({"email": "new@example.com"}, {"email": "new@example.com", "email_verified": False}):
        assert await me(house, await sign_in(house, clerk.token(sub=person, **changes))) == profile
    other = await house.register()
    verify(house, other.email)
    moved = await sign_in(house, clerk.token(sub=person, email=other.email))
    assert (await me(house, moved))["id"] == profile["id"]  # the link decides, not the address
    # Whoever has the old address at Clerk now is somebody else.
    newcomer = await sign_in(house, clerk.token(email="old@example.com"), expect=409)
    assert newcomer["code"] == "email_taken"


async def test_ten_first_sights_at_once_make_one_account(clerk_house: House, clerk: Clerk) -> None:
    house, person = clerk_house, f"user_{uuid.uuid4().hex}"
    tokens = [clerk.token(sub=person, email="mia@example.com") for _ in range(10)]
    given = await asyncio.gather(*(sign_in(house, token) for token in tokens))
    assert len({(await me(house, each))["id"] for each in given}) == 1
    assert (count(house, User), count(house, UserPreferences), count(house, Session)) == (1, 1, 10)
    # The same for linking.
    registered = await house.register()
    verify(house, registered.email)
    tokens = [clerk.token(sub=f"{person}2", email=registered.email) for _ in range(10)]
    given = await asyncio.gather(*(sign_in(house, token) for token in tokens))
    assert {(await me(house, each))["id"] for each in given} == {str(registered.id)}
    with house.engine.connect() as connection:
        query = select(func.count()).select_from(AuditEvent).where(AuditEvent.action == "user.clerk_linked")
        assert connection.scalar(query) == 1


async def test_of_two_persons_of_clerk_with_one_address_one_gets_the_account(clerk_house: House, clerk: Clerk) -> None:
    tokens = [clerk.token(email="mia@example.com") for _ in range(4)]
    told = await asyncio.gather(*(sign_in(clerk_house, token, expect=None) for token in tokens))
    assert sorted(each.get("code", "in") for each in told) == ["email_taken"] * 3 + ["in"]


async def test_accounts_are_linked_only_when_both_sides_have_verified_the_address(
    clerk_house: House, clerk: Clerk
) -> None:
    house, person = clerk_house, await clerk_house.register()
    theirs: dict[str, Any] = {"sub": f"user_{uuid.uuid4().hex}", "email": person.email.upper()}

    async def attempt(*, verified_here: bool, verified_there: Any) -> str:
        moment = dt.datetime.now(dt.UTC) if verified_here else None
        with house.engine.begin() as connection:
            connection.execute(update(User).where(User.id == person.id).values(email_verified_at=moment))
        told = await sign_in(house, clerk.token(**theirs, email_verified=verified_there), expect=None)
        return str(told.get("code", "in"))

    for doubtful in (False, "false", 0, 1, 1.0, "yes", "True", [True], {"a": 1}):
        # The same answer as for an address without an account: nobody learns who has one.
        assert await attempt(verified_here=True, verified_there=doubtful) == "email_not_verified", doubtful
        nobody = clerk.token(email="nobody@example.com", email_verified=doubtful)
        assert (await sign_in(house, nobody, expect=403))["code"] == "email_not_verified"
    assert await attempt(verified_here=False, verified_there=True) == "email_taken"
    assert await attempt(verified_here=False, verified_there=False) == "email_not_verified"
    assert count(house, User) == 1
    assert await attempt(verified_here=True, verified_there="true") == "in"
    await house.log_in(person.email, person.id)  # the password stays
    profile = await me(house, await sign_in(house, clerk.token(**theirs)))
    assert (profile["id"], profile["email"], profile["has_password"]) == (str(person.id), person.email, True)
    second = await sign_in(house, clerk.token(email=person.email), expect=409)
    assert second["code"] == "email_taken"


async def test_who_registered_a_victims_address_gets_nothing_of_the_victims(clerk_house: House, clerk: Clerk) -> None:
    house, victim = clerk_house, "victim@example.com"
    body = registration(email=victim, role="developer")
    made = await house.call("auth", "POST", "/api/v1/auth/register", body, expect=201)
    squatter = await house.log_in(victim, uuid.UUID(made.json()["id"]))
    creation = {"name": "door", "scopes": ["catalog:read"]}
    key = (await house.call("auth", "POST", "/api/v1/api-keys", creation, person=squatter, expect=201)).json()["key"]
    await set_up_second_factor(house, squatter)
    with house.engine.begin() as connection:
        connection.execute(update(User).where(User.id == squatter.id).values(clerk_user_id="user_squatter"))
    theirs = {"sub": f"user_{uuid.uuid4().hex}", "email": victim}

    refused = await sign_in(house, clerk.token(**theirs), expect=409)
    assert refused["code"] == "email_taken"
    assert "reset its password" in refused["detail"]
    assert count(house, User) == 1

    await house.call("auth", "POST", "/api/v1/auth/password/forgot", {"email": victim}, expect=202)
    reset = {"token": await mailed_token(house, victim), "password": "a password of the victim"}
    # A short one would leave a developer without any second factor: the squatter's is about to go.
    short = await house.call(
        "auth", "POST", "/api/v1/auth/password/reset", {**reset, "password": "short-one"}, expect=422
    )
    assert short.json()["code"] == "password_too_weak"
    await house.call("auth", "POST", "/api/v1/auth/password/reset", reset, expect=204)
    assert (count(house, ApiKey), count(house, SecondFactor)) == (0, 0)
    with house.engine.connect() as connection:
        assert connection.scalar(select(User.clerk_user_id)) is None
        living = select(func.count()).select_from(Session).where(Session.revoked_at.is_(None))
        assert connection.scalar(living) == 0

    mine = await me(house, await sign_in(house, clerk.token(**theirs)))
    assert (mine["id"], mine["clerk_user_id"], mine["totp_enabled"]) == (str(squatter.id), theirs["sub"], False)
    await house.call("auth", "POST", LOGIN, {"email": victim, "password": PASSWORD}, expect=401)
    await house.call("auth", "POST", "/api/v1/auth/api-key", {"api_key": key}, expect=401)
    await house.call(
        "auth", "POST", "/api/v1/auth/refresh", {"refresh_token": squatter.tokens["refresh_token"]}, expect=401
    )
    again = await sign_in(house, clerk.token(sub="user_squatter", email="squatter@example.com"))
    assert (await me(house, again))["id"] != str(squatter.id)


async def mailed_token(house: House, to: str) -> str:
    """The token of the mail that resets a password; the worker that writes it runs beside us."""
    for _ in range(600):
        for file in house.mail_folder.glob("*.eml"):
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            body = mail.get_body(("plain",))
            found = re.search(r"/\S*reset\S*[?#]token=([\w.~-]+)", body.get_content() if body else "")
            if found and mail["To"] == to:
                return found.group(1)
        await asyncio.sleep(0.05)
    raise AssertionError("no mail came")


async def test_what_the_token_does_not_say_is_named_with_what_to_configure(clerk_house: House, clerk: Clerk) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"email": None, "email_verified": None, "name": None}, ["email", "email_verified"]),  # Clerk's default
        ({"email": ""}, ["email"]),
        ({"email_verified": None}, ["email_verified"]),
        ({"email_verified": ""}, ["email_verified"]),
        # A person who signed up by telephone, and a shortcode that Clerk does not know.
        ({"email": "{{user.mail}}"}, ["email"]),
        ({"email": ["mia@example.com"]}, ["email"]),
        ({"email": 7}, ["email"]),
        ({"email": f"{'a' * 250}@example.com"}, ["email"]),
        ({"email": "mïa@example.com"}, ["email"]),
    ]
    for changes, missing in cases:
        told = await sign_in(clerk_house, clerk.token(**changes), expect=422)
        assert (told["code"], told["missing"]) == ("clerk_claims_missing", missing), changes
        assert " and ".join(missing) in told["detail"]
        assert "customise the session token" in told["detail"]
        assert "{{user.primary_email_address}}" in told["detail"]
    assert count(clerk_house, User) == 0
    # Blanks around an address are not part of it; a name is not needed.
    profile = await me(clerk_house, await sign_in(clerk_house, clerk.token(email=" mia@example.com ", name=None)))
    assert (profile["email"], profile["display_name"]) == ("mia@example.com", "mia")


async def test_a_closed_account_is_not_opened_through_clerk(clerk_house: House, clerk: Clerk) -> None:
    house, theirs = clerk_house, {"sub": f"user_{uuid.uuid4().hex}", "email": "mia@example.com"}
    await sign_in(house, clerk.token(**theirs))
    unlinked = await house.register()
    verify(house, unlinked.email)
    with house.engine.begin() as connection:
        connection.execute(update(User).values(is_active=False))
    for changes in (theirs, {"email": unlinked.email}):
        told = await sign_in(house, clerk.token(**changes), expect=401)
        assert told["code"] == "invalid_credentials"
    with house.engine.connect() as connection:
        assert connection.scalar(select(User.clerk_user_id).where(User.id == unlinked.id)) is None


async def test_a_second_factor_of_ours_is_asked_for_unless_clerk_checked_one(clerk_house: House, clerk: Clerk) -> None:
    house, person = clerk_house, await clerk_house.register()
    verify(house, person.email)
    codes = await set_up_second_factor(house, person)
    theirs: dict[str, Any] = {"sub": f"user_{uuid.uuid4().hex}", "email": person.email}
    for ages in ([0, -1], None, [0], [0, True], [0, "3"], [0, 10**30], [0, -5], "0,0"):
        told = await sign_in(house, clerk.token(**theirs, fva=ages), expect=401)
        assert told["code"] == "totp_required", ages
    wrong = await sign_in(house, clerk.token(**theirs), totp_code="wrong-wrong", expect=401)
    assert wrong["code"] == "invalid_credentials"
    with house.engine.connect() as connection:
        # Nothing was linked for who did not show both.
        assert connection.scalar(select(User.clerk_user_id).where(User.id == person.id)) is None
        assert connection.scalar(select(LoginAttempt.failures)) == 1
    given = await sign_in(house, clerk.token(**theirs), totp_code=codes.pop())
    assert (await me(house, given))["id"] == str(person.id)
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(LoginAttempt)) == 0
        newest = select(Session.amr).order_by(Session.created_at.desc()).limit(1)
        assert connection.scalar(newest) == ["clerk", "mfa"]
    # Mails are sent at once, not with the next person's.
    assert await has_mail_about(house, "recovery code")
    by_clerk = await sign_in(house, clerk.token(**theirs, fva=[0, 5]))
    assert (await me(house, by_clerk))["totp_enabled"] is True


async def has_mail_about(house: House, words: str) -> bool:
    for _ in range(200):
        if any(words in file.read_text().lower() for file in house.mail_folder.glob("*.eml")):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_wrong_codes_lock_the_account_that_they_are_for_whatever_address_clerk_tells(
    clerk_house: House, clerk: Clerk
) -> None:
    house, person = clerk_house, await clerk_house.register()
    verify(house, person.email)
    codes = await set_up_second_factor(house, person)
    theirs = f"user_{uuid.uuid4().hex}"
    await sign_in(house, clerk.token(sub=theirs, email=person.email), totp_code=codes.pop())
    for number in range(5):
        # The address at Clerk is another one each time; the failures are this account's all the same.
        token = clerk.token(sub=theirs, email=f"other{number}@example.com")
        await sign_in(house, token, totp_code="wrong-wrong", expect=401)
    locked = await sign_in(house, clerk.token(sub=theirs, email="other9@example.com"), totp_code=codes[-1], expect=401)
    assert locked["code"] == "invalid_credentials"
    with house.engine.connect() as connection:
        rows = connection.execute(select(LoginAttempt.key, LoginAttempt.failures)).all()
    assert rows == [(attempt_key(person.email.lower()), 5)]
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE cathouse.login_attempts SET locked_until = now() - interval '1 second'"))
    await sign_in(house, clerk.token(sub=theirs), totp_code=codes.pop())


async def test_nobody_has_somebody_elses_failures_forgotten(clerk_house: House, clerk: Clerk) -> None:
    """Who says a victim's address at Clerk, with any code, must not reset the count of guesses at it."""
    house, victim = clerk_house, await clerk_house.register()
    attacker = f"user_{uuid.uuid4().hex}"
    await sign_in(house, clerk.token(sub=attacker, email="attacker@example.com"))
    for _ in range(3):
        await house.call("auth", "POST", LOGIN, {"email": victim.email, "password": "wrong"}, expect=401)
    for verified in (False, True):
        token = clerk.token(sub=attacker, email=victim.email, email_verified=verified)
        await sign_in(house, token, totp_code="123456")
    with house.engine.connect() as connection:
        assert connection.execute(select(LoginAttempt.key, LoginAttempt.failures)).all() == [
            (attempt_key(victim.email.lower()), 3)
        ]


async def test_only_a_factor_that_clerk_checked_just_now_is_a_recent_log_in(clerk_house: House, clerk: Clerk) -> None:
    house = clerk_house
    strange: list[Any] = [None, [-1, -1], [True, -1], ["0", -1], [0.0, -1], [10**400, -1], [0, -1, 0], {}]
    for ages in ([30, -1], [11, 0], *strange):
        given = await sign_in(house, clerk.token(fva=ages))
        for method, path in (("DELETE", ME), ("POST", f"{ME}/totp"), ("POST", f"{ME}/developer")):
            refused = await house.call("auth", method, path, headers=bearer(given), expect=403)
            assert refused.json()["code"] == "reauthentication_required", ages
        fresh = await house.call("auth", "POST", "/api/v1/auth/refresh", {"refresh_token": given["refresh_token"]})
        await house.call("auth", "DELETE", ME, headers=bearer(fresh.json()), expect=403)
    recent = await sign_in(house, clerk.token(fva=[0, -1]))
    await house.call("auth", "DELETE", ME, headers=bearer(recent), expect=None)
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(User).where(~User.is_active)) == 1


async def test_who_has_left_is_a_new_person_at_the_next_sight(clerk_house: House, clerk: Clerk) -> None:
    house, theirs = clerk_house, {"sub": f"user_{uuid.uuid4().hex}", "email": "mia@example.com"}
    first = await sign_in(house, clerk.token(**theirs))
    old = (await me(house, first))["id"]
    await house.call("auth", "DELETE", ME, headers=bearer(first), expect=None)
    for _ in range(600):
        told = await sign_in(house, clerk.token(**theirs), expect=None)
        if "access_token" in told:
            break
        assert told["code"] == "invalid_credentials"  # until auth-service has forgotten
        await asyncio.sleep(0.05)
    assert (await me(house, told))["id"] != old
