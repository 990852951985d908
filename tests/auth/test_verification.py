"""Where mails are sent, an address must be proved before its first log-in, and nobody learns which are taken."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select, text

from auth_service.jwt_secrets import JwtSecrets
from auth_service.login_attempts.repository import attempt_key
from auth_service.mails.letters import MailKind
from cathouse.database import DatabaseUrl
from cathouse.schema import LoginAttempt, Mail, User
from tests.factories.accounts import PASSWORD, registration
from tests.fixtures.house import JWT_SECRET, House, run_house

AUTH = "/api/v1/auth"


@pytest.fixture
async def mailing(clean_db: DatabaseUrl) -> AsyncIterator[House]:
    """A house whose mail server is away: what it has to say stays in the table."""
    async with run_house(clean_db, mail_url="smtp://127.0.0.1:1", cors_origins=[]) as house:
        yield house


def tokens(house: House, kind: MailKind) -> list[str]:
    """The tokens of the mails of a kind, opened as auth-service opens them, oldest first."""
    secret = JwtSecrets.parse(JWT_SECRET).current
    with house.engine.connect() as connection:
        query = select(Mail.id, Mail.wrapped).where(Mail.kind == kind).order_by(Mail.created_at)
        rows = connection.execute(query).all()
    contents = [json.loads(secret.unwrap(row.wrapped, bound_to=f"mail:{row.id}")) for row in rows]
    return [content["parameters"]["token"] for content in contents]


async def code_of_log_in(house: House, email: str, password: str = PASSWORD) -> tuple[int, str]:
    body = {"email": email, "password": password}
    answer = await house.call("auth", "POST", f"{AUTH}/login", body, expect=None)
    return answer.status_code, answer.json().get("code", "")


async def test_a_new_and_a_taken_address_get_the_same_answer(mailing: House) -> None:
    body = registration()
    new = await mailing.call("auth", "POST", f"{AUTH}/register", body, expect=202)
    taken = await mailing.call("auth", "POST", f"{AUTH}/register", {**body, "password": "other words 77"}, expect=202)
    assert new.json() == taken.json()
    assert new.headers.keys() == taken.headers.keys()
    with mailing.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(User)) == 1
        assert set(connection.scalars(select(Mail.kind))) == {"verify_email", "account_exists"}
    assert await code_of_log_in(mailing, body["email"], "other words 77") == (401, "invalid_credentials")


async def test_nobody_logs_in_before_the_address_is_proved(mailing: House) -> None:
    body = registration()
    await mailing.call("auth", "POST", f"{AUTH}/register", body, expect=202)
    for _ in range(7):
        assert await code_of_log_in(mailing, body["email"]) == (403, "email_not_verified")
    assert await code_of_log_in(mailing, body["email"], "wrong") == (401, "invalid_credentials")
    with mailing.engine.connect() as connection:
        failures = select(LoginAttempt.failures).where(LoginAttempt.key == attempt_key(body["email"].lower()))
        assert connection.scalar(failures) == 1  # the right password is no guess
    form = {"grant_type": "password", "username": body["email"], "password": PASSWORD}
    answer = await mailing.http.post(f"{mailing.urls['auth']}{AUTH}/token", data=form)
    assert answer.json()["code"] == "email_not_verified"
    [token] = tokens(mailing, MailKind.VERIFY_EMAIL)
    await mailing.call("auth", "POST", f"{AUTH}/email/verify", {"token": token}, expect=204)
    assert await code_of_log_in(mailing, body["email"]) == (200, "")


async def test_the_owner_of_a_taken_address_may_choose_a_new_password(mailing: House) -> None:
    body = registration()
    for _ in range(2):
        await mailing.call("auth", "POST", f"{AUTH}/register", body, expect=202)
    [token] = tokens(mailing, MailKind.ACCOUNT_EXISTS)
    reset = {"token": token, "password": "another correct horse"}
    await mailing.call("auth", "POST", f"{AUTH}/password/reset", reset, expect=204)
    assert await code_of_log_in(mailing, body["email"], reset["password"]) == (200, "")  # it proved the address as well


async def test_registrations_in_the_same_instant_make_one_account(mailing: House) -> None:
    body = registration()
    spellings = [body["email"], body["email"].upper(), body["email"].title(), body["email"]]
    answers = await asyncio.gather(
        *(mailing.call("auth", "POST", f"{AUTH}/register", {**body, "email": each}, expect=None) for each in spellings)
    )
    assert [answer.status_code for answer in answers] == [202] * 4
    with mailing.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(User)) == 1


async def test_a_mailbox_is_not_filled_by_who_registers_its_address_again_and_again(mailing: House) -> None:
    body = registration()
    for _ in range(12):
        await mailing.call("auth", "POST", f"{AUTH}/register", body, expect=202)
    assert len(tokens(mailing, MailKind.ACCOUNT_EXISTS)) == 5


async def test_a_weak_password_is_told_whether_the_address_is_taken_or_not(mailing: House) -> None:
    body = registration()
    await mailing.call("auth", "POST", f"{AUTH}/register", body, expect=202)
    for address in (body["email"], registration()["email"]):
        weak = {**body, "email": address, "password": "password1"}
        answer = await mailing.call("auth", "POST", f"{AUTH}/register", weak, expect=422)
        assert answer.json()["code"] == "password_too_weak"


async def test_verification_may_be_left_to_the_player(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db, mail_url="smtp://127.0.0.1:1", email_verification="optional") as house:
        person = await house.register()
        await house.call("auth", "GET", "/api/v1/users/me", person=person)
        again = await house.call("auth", "POST", f"{AUTH}/register", registration(email=person.email), expect=409)
        assert again.json()["code"] == "email_taken"


async def test_the_table_of_mails_gives_nothing_away(mailing: House) -> None:
    body = registration(display_name="Mia Quillfeather")
    await mailing.call("auth", "POST", f"{AUTH}/register", body, expect=202)
    [token] = tokens(mailing, MailKind.VERIFY_EMAIL)
    with mailing.engine.connect() as connection:
        kept = str(connection.execute(text("SELECT m::text FROM cathouse.mails AS m")).all())
    for secret in (token, body["email"], "Quillfeather"):
        assert secret not in kept
        assert secret.encode().hex() not in kept
