"""The second factor: set up, asked for, used once, recovered, taken off."""

import asyncio
import datetime as dt
import time
from typing import Any

import pyotp
import pytest
from sqlalchemy import select, text

from auth_service.jwt_secrets import JwtSecrets
from auth_service.login_attempts.repository import attempt_key
from auth_service.second_factor import codes
from cathouse.database import DatabaseUrl
from cathouse.schema import AuditEvent, LoginAttempt, SecondFactor
from tests.factories.accounts import PASSWORD
from tests.fixtures.house import JWT_SECRET, House, Person, directly, run_house
from tests.fixtures.letters import letter, mailed_token, text_of

LOGIN = "/api/v1/auth/login"
TOTP = "/api/v1/users/me/totp"


class Clock:
    """The time by which codes are checked."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def next_step(self) -> None:
        """Go on to the next code."""
        self.ahead += codes.STEP_S


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(codes, "time", made)
    return made


class App:
    """An authenticator app."""

    def __init__(self, clock: Clock, secret: str) -> None:
        self._clock = clock
        self._totp = pyotp.TOTP(secret)

    def code(self, *, steps: int = 0) -> str:
        return self._totp.generate_otp(int(self._clock.time()) // codes.STEP_S + steps)


async def set_up(house: House, clock: Clock, person: Person) -> tuple[App, list[str]]:
    given = (await house.call("auth", "POST", TOTP, person=person)).json()
    app = App(clock, given["secret"])
    confirmed = await house.call("auth", "POST", f"{TOTP}/confirm", {"code": app.code()}, person=person)
    clock.next_step()
    return app, confirmed.json()["recovery_codes"]


async def log_in(house: House, person: Person, code: str | None = None, *, password: str = PASSWORD) -> tuple[int, str]:
    body = {"email": person.email, "password": password, **({"totp_code": code} if code is not None else {})}
    answer = await house.call("auth", "POST", LOGIN, body, expect=None)
    return answer.status_code, answer.json().get("code", "")


def failures(house: House, person: Person) -> int:
    with house.engine.connect() as connection:
        query = select(LoginAttempt.failures).where(LoginAttempt.key == attempt_key(person.email))
        return connection.scalar(query) or 0


async def test_a_code_is_asked_for_once_one_was_confirmed(house: House, clock: Clock) -> None:
    person = await house.register()
    given = (await house.call("auth", "POST", TOTP, person=person)).json()
    assert given["otpauth_url"].startswith("otpauth://totp/Cat%20House:")
    assert given["secret"] in given["otpauth_url"]
    assert await log_in(house, person) == (200, "")  # not confirmed: not asked for
    wrong = await house.call("auth", "POST", f"{TOTP}/confirm", {"code": "000000"}, person=person, expect=422)
    assert wrong.json()["code"] == "totp_code_wrong"
    app = App(clock, given["secret"])
    recovery = await house.call("auth", "POST", f"{TOTP}/confirm", {"code": app.code()}, person=person)
    assert len(set(recovery.json()["recovery_codes"])) == codes.RECOVERY_CODES
    me = (await house.call("auth", "GET", "/api/v1/users/me", person=person)).json()
    assert me["totp_enabled"] is True
    assert await log_in(house, person) == (401, "totp_required")
    assert await log_in(house, person, app.code()) == (401, "invalid_credentials")  # it was used to confirm
    clock.next_step()
    assert await log_in(house, person, app.code()) == (200, "")
    await letter(house, person.email, "A second factor protects your account")
    again = await house.call("auth", "POST", TOTP, person=person, expect=409)
    assert again.json()["code"] == "totp_already_enabled"


async def test_a_step_counts_once_and_only_near_now(house: House, clock: Clock) -> None:
    person = await house.register()
    app, _ = await set_up(house, clock, person)
    code = app.code()
    answers = await asyncio.gather(*(log_in(house, person, code) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 401, 401, 401]
    assert await log_in(house, person, app.code(steps=1)) == (200, "")  # a clock that is ahead
    assert await log_in(house, person, app.code()) == (401, "invalid_credentials")  # older than the last one
    clock.ahead += 10 * codes.STEP_S
    for far in (-3, -2, 2, 3):
        assert await log_in(house, person, app.code(steps=far)) == (401, "invalid_credentials")


async def test_without_the_password_nobody_learns_of_the_second_factor(house: House, clock: Clock) -> None:
    person = await house.register()
    app, recovery = await set_up(house, clock, person)
    for code in (None, app.code(), recovery[0]):
        assert await log_in(house, person, code, password="wrong") == (401, "invalid_credentials")
    assert await log_in(house, person, app.code()) == (200, "")  # the code was not used up by the wrong password


async def test_guessing_codes_locks_and_asking_for_one_does_not(house: House, clock: Clock) -> None:
    person = await house.register()
    app, _ = await set_up(house, clock, person)
    for _ in range(8):
        assert await log_in(house, person) == (401, "totp_required")
    assert failures(house, person) == 0
    for number in range(4):
        assert (await log_in(house, person, f"{number:06}"))[0] == 401
        assert await log_in(house, person) == (401, "totp_required")  # takes back its own attempt, no other
    assert failures(house, person) == 4
    assert (await log_in(house, person, "999999"))[0] == 401
    assert await log_in(house, person, app.code()) == (401, "invalid_credentials")  # locked
    assert await log_in(house, person) == (401, "invalid_credentials")


async def test_a_recovery_code_opens_once_and_is_told(house: House, clock: Clock) -> None:
    person = await house.register()
    _, recovery = await set_up(house, clock, person)
    with house.engine.connect() as connection:
        kept = str(connection.execute(text("SELECT f::text FROM cathouse.second_factors AS f")).all())
    assert not any(code in kept for code in recovery)
    answers = await asyncio.gather(*(log_in(house, person, recovery[0]) for _ in range(3)))
    assert sorted(status for status, _ in answers) == [200, 401, 401]
    told = text_of(await letter(house, person.email, "A recovery code was used"))
    assert "Codes that are left: 9." in told
    assert await log_in(house, person, recovery[1].upper().replace("-", " ")) == (200, "")  # as it was written down
    anew = (await house.call("auth", "POST", f"{TOTP}/recovery-codes", person=person)).json()["recovery_codes"]
    assert await log_in(house, person, recovery[2]) == (401, "invalid_credentials")
    assert await log_in(house, person, anew[0]) == (200, "")


async def test_a_reset_does_not_get_round_it(house: House, clock: Clock) -> None:
    person = await house.register()
    body = {"token": await mailed_token(house, person.email, "Confirm your e-mail address")}
    await house.call("auth", "POST", "/api/v1/auth/email/verify", body, expect=204)
    app, _ = await set_up(house, clock, person)
    await house.call("auth", "POST", "/api/v1/auth/password/forgot", {"email": person.email}, expect=202)
    token = await mailed_token(house, person.email, "Choose a new password")
    new = {"token": token, "password": "another correct horse"}
    await house.call("auth", "POST", "/api/v1/auth/password/reset", new, expect=204)
    assert await log_in(house, person, password=new["password"]) == (401, "totp_required")
    assert await log_in(house, person, app.code(), password=new["password"]) == (200, "")


async def test_it_is_taken_off_by_who_has_just_logged_in(house: House, clock: Clock) -> None:
    person = await house.register()
    none = await house.call("auth", "DELETE", TOTP, person=person, expect=409)
    assert none.json()["code"] == "totp_not_enabled"
    await house.call("auth", "POST", f"{TOTP}/recovery-codes", person=person, expect=409)
    await set_up(house, clock, person)
    await house.call("auth", "DELETE", TOTP, person=person, expect=204)
    await letter(house, person.email, "The second factor was taken off")
    assert await log_in(house, person) == (200, "")
    with house.engine.connect() as connection:
        actions = list(connection.scalars(select(AuditEvent.action).order_by(AuditEvent.at)))
    assert {"user.second_factor_on", "user.second_factor_off"} <= set(actions)


async def test_how_somebody_logged_in_is_in_the_token(house: House, clock: Clock) -> None:
    person = await house.register()
    app, recovery = await set_up(house, clock, person)
    with house.engine.connect() as connection:
        methods = text("SELECT amr FROM cathouse.sessions ORDER BY created_at DESC LIMIT 1")
        await log_in(house, person, app.code())
        assert connection.scalar(methods) == ["pwd", "otp", "mfa"]
        connection.rollback()
        await log_in(house, person, recovery[0])
        assert connection.scalar(methods) == ["pwd", "mfa"]


async def test_the_secret_moves_to_the_newest_jwt_secret_when_it_is_used(clean_db: DatabaseUrl, clock: Clock) -> None:
    newer = "a-newer-jwt-key-of-the-tests-and-of-nothing-else"
    async with run_house(clean_db) as house:
        person = await house.register()
        app, recovery = await set_up(house, clock, person)
    async with run_house(clean_db, jwt_secret=f"{newer},{JWT_SECRET}") as house:
        assert await log_in(house, person, app.code()) == (200, "")
        clock.next_step()
        with house.engine.connect() as connection:
            assert connection.scalar(select(SecondFactor.wrapping_key_id)) == JwtSecrets.parse(newer).current.key_id
    async with run_house(clean_db, jwt_secret="yet-another-jwt-key-that-never-wrapped-anything") as house:
        with house.engine.begin() as connection:  # its signing keys are gone as well: new ones are made
            connection.execute(text("UPDATE cathouse.signing_keys SET state = 'revoked', retired_at = now()"))
        for _ in range(6):  # no guesses: they lock nothing
            assert await log_in(house, person, app.code()) == (503, "second_factor_unreadable")
        assert await log_in(house, person, recovery[0]) == (200, "")


def test_codes_of_any_app_are_understood() -> None:
    secret = codes.make_secret()
    assert len(secret) == 32  # base32 of 160 bits
    app = pyotp.TOTP(secret)
    now = dt.datetime.now(dt.UTC)
    code = app.at(now)
    step = codes.step_of(secret, f"{code[:3]} {code[3:]}")
    assert step is not None
    assert abs(step - int(now.timestamp()) // codes.STEP_S) <= 1
    for strange in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "1e5 10"):
        assert codes.step_of(secret, strange) is None


@directly
@pytest.mark.parametrize("body", [{}, {"code": 123456}, {"code": "1"}, {"code": "x" * 33}, {"code": "1\x0023456"}])
async def test_what_is_no_code_is_refused(house: House, body: dict[str, Any]) -> None:
    person = await house.register()
    await house.call("auth", "POST", f"{TOTP}/confirm", body, person=person, expect=422)
