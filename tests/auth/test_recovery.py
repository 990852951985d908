"""Proving an address, resetting a password, changing the address: by mailed tokens that are spent once."""

import asyncio
import datetime as dt

import pytest
from sqlalchemy import Engine, func, select, text, update

from auth_service.recovery.repository import MOST_AN_HOUR
from auth_service.recovery.tokens import make_token
from cathouse.schema import ApiKey, OneTimeToken, SecondFactor, Session, TokenPurpose, User
from tests.factories.accounts import PASSWORD, email, registration
from tests.fixtures.house import House, Person, directly
from tests.fixtures.letters import letter, letters, mailed_token, text_of

AUTH = "/api/v1/auth"
NEW = "another correct horse"

VERIFY = "Confirm your e-mail address"
RESET = "Choose a new password"
CHANGE = "Confirm your new e-mail address"


async def forgot(house: House, address: str) -> None:
    await house.call("auth", "POST", f"{AUTH}/password/forgot", {"email": address}, expect=202)


async def reset(house: House, token: str, password: str = NEW, *, expect: int = 204) -> str:
    body = {"token": token, "password": password}
    answer = await house.call("auth", "POST", f"{AUTH}/password/reset", body, expect=expect)
    return str(answer.json()["code"]) if answer.content else ""


async def verify(house: House, token: str, *, expect: int = 204) -> str:
    answer = await house.call("auth", "POST", f"{AUTH}/email/verify", {"token": token}, expect=expect)
    return str(answer.json()["code"]) if answer.content else ""


async def profile(house: House, person: Person) -> dict[str, object]:
    found: dict[str, object] = (await house.call("auth", "GET", "/api/v1/users/me", person=person)).json()
    return found


def tokens_of(engine: Engine, person: Person) -> int:
    with engine.connect() as connection:
        living = select(func.count()).where(OneTimeToken.user_id == person.id, OneTimeToken.used_at.is_(None))
        return connection.scalar(living) or 0


def resets_of(engine: Engine, person: Person) -> tuple[int, int]:
    """How many tokens there are for a new password, and how many of them still live."""
    with engine.connect() as connection:
        counts = select(func.count(), func.count().filter(OneTimeToken.used_at.is_(None))).where(
            OneTimeToken.user_id == person.id, OneTimeToken.purpose == TokenPurpose.RESET_PASSWORD
        )
        every, living = connection.execute(counts).one()
        return every, living


async def log_in_long_ago(house: House, person: Person) -> Person:
    """The same person, whose log-in is eleven minutes old."""
    with house.engine.begin() as connection:
        before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=11)
        connection.execute(update(Session).where(Session.user_id == person.id).values(authenticated_at=before))
    body = {"refresh_token": person.tokens["refresh_token"]}
    answer = await house.call("auth", "POST", f"{AUTH}/refresh", body)
    return Person(person.id, person.email, answer.json())


async def test_a_registration_is_verified_once_by_the_mail_and_by_nothing_else(house: House) -> None:
    person = await house.register()
    assert (await profile(house, person))["email_verified"] is False
    mail = await letter(house, person.email, VERIFY)
    assert "http://localhost:3000/verify-email#token=cho_" in text_of(mail)
    token = text_of(mail).split("#token=")[1].split()[0]
    with house.engine.connect() as connection:
        kept = str(connection.execute(text("SELECT t::text FROM cathouse.one_time_tokens AS t")).all())
    assert token not in kept
    for wrong in (token[:-1], token + "x", "cho_", "x", person.tokens["access_token"][:199]):
        assert await verify(house, wrong, expect=400) == "token_invalid"
    assert await reset(house, token, expect=400) == "token_invalid"  # another purpose
    await verify(house, token)
    assert (await profile(house, person))["email_verified"] is True
    assert await verify(house, token, expect=400) == "token_invalid"
    await house.call("auth", "POST", f"{AUTH}/email/verify/resend", person=person, expect=202)
    assert tokens_of(house.engine, person) == 0  # nothing is left to verify


async def test_the_mail_is_sent_again_for_the_caller_or_for_an_address(house: House) -> None:
    person = await house.register()
    first = await mailed_token(house, person.email, VERIFY)
    await house.call("auth", "POST", f"{AUTH}/email/verify/resend", person=person, expect=202)
    second = await mailed_token(house, person.email, VERIFY)
    body = {"email": person.email.upper()}
    known = await house.call("auth", "POST", f"{AUTH}/email/verify/resend", body, expect=202)
    third = await mailed_token(house, person.email, VERIFY)
    unknown = await house.call("auth", "POST", f"{AUTH}/email/verify/resend", {"email": email()}, expect=202)
    assert known.json() == unknown.json()
    for void in (first, second):
        assert await verify(house, void, expect=400) == "token_invalid"
    await verify(house, third)
    await house.call("auth", "POST", f"{AUTH}/email/verify/resend", expect=401)


async def test_a_password_is_reset_once_and_everybody_is_logged_out(house: House) -> None:
    person = await house.register()
    await forgot(house, person.email.title())
    token = await mailed_token(house, person.email, RESET)
    assert await reset(house, token, "password1", expect=422) == "password_too_weak"  # and the token is still good
    await reset(house, token)
    assert await reset(house, token, "yet another horse", expect=400) == "token_invalid"
    body = {"refresh_token": person.tokens["refresh_token"]}
    await house.call("auth", "POST", f"{AUTH}/refresh", body, expect=401)
    await house.call("auth", "POST", f"{AUTH}/login", {"email": person.email, "password": PASSWORD}, expect=401)
    again = await house.log_in(person.email, person.id, NEW)
    assert (await profile(house, again))["email_verified"] is True  # who reads the mail has the address
    await letter(house, person.email, "Your password was changed")


async def test_nobody_learns_who_has_an_account(house: House) -> None:
    person = await house.register()
    known = await house.call("auth", "POST", f"{AUTH}/password/forgot", {"email": person.email}, expect=202)
    unknown = await house.call("auth", "POST", f"{AUTH}/password/forgot", {"email": email()}, expect=202)
    assert known.json() == unknown.json()
    with house.engine.begin() as connection:
        connection.execute(update(User).values(is_active=False))
    await forgot(house, person.email)
    assert tokens_of(house.engine, person) == 2  # verification and the first reset: a closed account gets none


async def test_a_new_request_voids_the_old_one_and_a_mailbox_is_not_filled(house: House) -> None:
    person = await house.register()
    tokens = []
    for _ in range(MOST_AN_HOUR):
        await forgot(house, person.email)
        tokens.append(await mailed_token(house, person.email, RESET))
    for _ in range(3):
        await forgot(house, person.email)
    for void in tokens[:-1]:
        assert await reset(house, void, expect=400) == "token_invalid"
    await reset(house, tokens[-1])
    await letter(house, person.email, "Your password was changed")
    assert [mail["Subject"] for mail in letters(house, person.email)] == [VERIFY]


async def test_of_requests_at_once_one_token_lives_and_no_mailbox_is_filled(house: House) -> None:
    person = await house.register()
    await asyncio.gather(*(forgot(house, person.email) for _ in range(3)))
    assert resets_of(house.engine, person) == (3, 1)
    await asyncio.gather(*(forgot(house, person.email) for _ in range(6)))
    assert resets_of(house.engine, person) == (MOST_AN_HOUR, 1)


async def test_of_several_who_spend_a_token_at_once_one_succeeds(house: House) -> None:
    person = await house.register()
    await forgot(house, person.email)
    token = await mailed_token(house, person.email, RESET)
    bodies = [{"token": token, "password": f"{NEW} {number}"} for number in range(6)]
    answers = await asyncio.gather(
        *(house.call("auth", "POST", f"{AUTH}/password/reset", body, expect=None) for body in bodies)
    )
    assert sorted(answer.status_code for answer in answers) == [204, 400, 400, 400, 400, 400]


async def test_tokens_end_by_time(house: House) -> None:
    person = await house.register()
    await forgot(house, person.email)
    token = await mailed_token(house, person.email, RESET)
    verification = await mailed_token(house, person.email, VERIFY)
    with house.engine.connect() as connection:
        query = select(OneTimeToken.purpose, OneTimeToken.created_at, OneTimeToken.expires_at)
        lives = {
            row.purpose: round((row.expires_at - row.created_at).total_seconds(), -2)
            for row in connection.execute(query)
        }
    assert lives == {TokenPurpose.RESET_PASSWORD: 3600, TokenPurpose.VERIFY_EMAIL: 86400}
    with house.engine.begin() as connection:
        connection.execute(update(OneTimeToken).values(expires_at=func.now()))
    assert await reset(house, token, expect=400) == "token_invalid"
    assert await verify(house, verification, expect=400) == "token_invalid"


async def test_a_reset_lifts_the_lock_and_works_while_it_holds(house: House) -> None:
    person = await house.register()
    for _ in range(5):
        await house.call("auth", "POST", f"{AUTH}/login", {"email": person.email, "password": "wrong"}, expect=401)
    await house.call("auth", "POST", f"{AUTH}/login", {"email": person.email, "password": PASSWORD}, expect=401)
    await forgot(house, person.email)
    await reset(house, await mailed_token(house, person.email, RESET))
    await house.log_in(person.email, person.id, NEW)


async def test_an_address_is_changed_by_who_reads_its_mails(house: House) -> None:
    person = await house.register()
    await forgot(house, person.email)
    old_reset = await mailed_token(house, person.email, RESET)
    new = f"New.{email()}"
    await house.call("auth", "POST", f"{AUTH}/email/change", {"email": new}, person=person, expect=202)
    assert (await profile(house, person))["email"] == person.email
    token = await mailed_token(house, new, CHANGE)
    await verify(house, token)
    told = await profile(house, person)
    assert (told["email"], told["email_verified"]) == (new, True)
    notice = text_of(await letter(house, person.email, "Your e-mail address was changed"))
    assert f"N…@{new.split('@')[1]}" in notice
    assert new not in notice
    assert await reset(house, old_reset, expect=400) == "token_invalid"
    assert await verify(house, token, expect=400) == "token_invalid"
    await house.log_in(new.upper(), person.id)
    await house.call("auth", "POST", f"{AUTH}/login", {"email": person.email, "password": PASSWORD}, expect=401)


async def test_an_address_that_is_taken_meanwhile_is_told_to_who_reads_its_mails(house: House) -> None:
    person, other = await house.register(), await house.register()
    await house.call("auth", "POST", f"{AUTH}/email/change", {"email": other.email.upper()}, person=person, expect=202)
    token = await mailed_token(house, other.email.upper(), CHANGE)
    assert await verify(house, token, expect=409) == "email_taken"
    assert (await profile(house, person))["email"] == person.email


async def test_grave_steps_want_a_recent_log_in(house: House) -> None:
    person = await log_in_long_ago(house, await house.register())
    for method, path, body in (
        ("POST", f"{AUTH}/email/change", {"email": email()}),
        ("POST", f"{AUTH}/password/change", {"current_password": PASSWORD, "password": NEW}),
        ("POST", "/api/v1/users/me/totp", None),
        ("DELETE", "/api/v1/users/me/totp", None),
        ("POST", "/api/v1/users/me/totp/confirm", {"code": "123456"}),
        ("POST", "/api/v1/users/me/totp/recovery-codes", None),
        ("POST", "/api/v1/users/me/developer", None),
        ("GET", "/api/v1/users/me/export", None),
        ("DELETE", "/api/v1/users/me", None),
    ):
        answer = await house.call("auth", method, path, body, person=person, expect=403)
        assert answer.json()["code"] == "reauthentication_required", path
        assert (await house.call("auth", method, path, body, expect=401)).json()["code"] == "authentication_required"
    again = await house.log_in(person.email, person.id)
    await house.call("auth", "POST", "/api/v1/users/me/totp", person=again)


async def test_who_resets_an_unproved_account_finds_nothing_of_who_made_it(house: House) -> None:
    squatter = await house.register("developer")
    await house.call(
        "auth", "POST", "/api/v1/api-keys", {"name": "k", "scopes": ["catalog:write"]}, person=squatter, expect=201
    )
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cathouse.second_factors (user_id, wrapped_secret, wrapping_key_id, confirmed_at)"
                " VALUES (:id, '', 'x', now())"
            ),
            {"id": squatter.id},
        )
        connection.execute(update(User).values(clerk_user_id="user_of_the_squatter"))
    await forgot(house, squatter.email)
    await reset(house, await mailed_token(house, squatter.email, RESET))
    with house.engine.connect() as connection:
        for model in (ApiKey, SecondFactor):
            assert connection.scalar(select(func.count()).select_from(model)) == 0
        assert connection.scalar(select(User.clerk_user_id)) is None
    await house.log_in(squatter.email, squatter.id, NEW)


async def test_the_host_header_has_no_part_in_links(house: House) -> None:
    person = await house.register()
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}):
        path = f"{AUTH}/password/forgot"
        await house.call("auth", "POST", path, {"email": person.email}, headers=headers, expect=202)
        assert "http://localhost:3000/reset-password#token=" in text_of(await letter(house, person.email, RESET))


def test_tokens_are_long_and_never_the_same() -> None:
    made = [make_token(TokenPurpose.VERIFY_EMAIL) for _ in range(50)]
    assert len({each.text for each in made}) == 50
    assert all(len(each.text) == len("cho_") + 43 for each in made)  # 32 bytes in base64url
    assert "cho_" not in repr(made[0])


@directly
@pytest.mark.parametrize("body", [{}, {"email": "x"}, {"email": "a@b.example", "more": 1}, {"email": None}, []])
async def test_what_is_no_address_is_refused(house: House, body: dict[str, object]) -> None:
    await house.call("auth", "POST", f"{AUTH}/password/forgot", body, expect=422)


async def test_registration_body_has_no_say_in_verification(house: House) -> None:
    for field in ("email_verified", "email_verified_at", "is_active", "role_", "clerk_user_id"):
        body = registration(**{field: True})
        await house.call("auth", "POST", f"{AUTH}/register", body, expect=422)
