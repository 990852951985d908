"""Guessing a password is slowed down, for addresses with and without an account alike."""

import asyncio
import datetime as dt

from sqlalchemy import Engine, select, text, update

from auth_service.login_attempts.repository import attempt_key
from cathouse.schema import LoginAttempt
from tests.factories.accounts import PASSWORD
from tests.fixtures.house import House

LOGIN = "/api/v1/auth/login"


async def log_in(house: House, email: str, password: str, *, expect: int | None = None) -> dict[str, object]:
    answer = await house.call("auth", "POST", LOGIN, {"email": email, "password": password}, expect=expect)
    told: dict[str, object] = answer.json()
    told.pop("request_id", None)
    return told


def locked_for(engine: Engine, email: str) -> tuple[int, float | None]:
    """The failures counted for an address, and for how many seconds more it is locked."""
    query = select(LoginAttempt.failures, LoginAttempt.locked_until).where(LoginAttempt.key == attempt_key(email))
    with engine.connect() as connection:
        failures, until = connection.execute(query).one()
    return failures, (until - dt.datetime.now(dt.UTC)).total_seconds() if until else None


def let_the_lock_pass(engine: Engine) -> None:
    with engine.begin() as connection:
        past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        connection.execute(update(LoginAttempt).where(LoginAttempt.locked_until.is_not(None)).values(locked_until=past))


async def test_after_five_failures_the_right_password_does_not_help_for_a_while(house: House) -> None:
    person = await house.register()
    wrong = [await log_in(house, person.email, "wrong", expect=401) for _ in range(5)]
    locked = await log_in(house, person.email, PASSWORD, expect=401)
    assert all(each == locked for each in wrong)  # nobody learns that it is locked
    failures, seconds = locked_for(house.engine, person.email)
    assert failures == 5
    assert seconds is not None
    assert 20 < seconds <= 30
    let_the_lock_pass(house.engine)
    await log_in(house, person.email, PASSWORD, expect=200)
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cathouse.login_attempts")) == 0


async def test_each_further_failure_doubles_the_lock_up_to_fifteen_minutes(house: House) -> None:
    person = await house.register()
    for _ in range(5):
        await log_in(house, person.email, "wrong", expect=401)
    seen = []
    for _ in range(7):
        let_the_lock_pass(house.engine)
        await log_in(house, person.email, "wrong", expect=401)
        _, seconds = locked_for(house.engine, person.email)
        assert seconds is not None
        seen.append(round(seconds, -1))
    assert seen == [60, 120, 240, 480, 900, 900, 900]


async def test_the_lock_stays_at_fifteen_minutes_however_many_failures_there_were(house: House) -> None:
    person = await house.register()
    await log_in(house, person.email, "wrong", expect=401)
    with house.engine.begin() as connection:
        connection.execute(update(LoginAttempt).values(failures=1_000_000))
    await log_in(house, person.email, "wrong", expect=401)
    _, seconds = locked_for(house.engine, person.email)
    assert seconds is not None
    assert 890 < seconds <= 900
    let_the_lock_pass(house.engine)
    await log_in(house, person.email, PASSWORD, expect=200)


async def test_an_address_without_an_account_is_locked_the_same(house: House) -> None:
    email = "nobody@example.com"
    told = [await log_in(house, email, "wrong", expect=401) for _ in range(7)]
    assert all(each == told[0] for each in told)
    assert locked_for(house.engine, email)[0] == 5


async def test_guesses_in_parallel_are_counted_one_by_one(house: House) -> None:
    person = await house.register()
    await asyncio.gather(*(log_in(house, person.email, f"guess {number}") for number in range(20)))
    assert locked_for(house.engine, person.email)[0] == 5


async def test_the_case_of_an_address_makes_no_new_address(house: House) -> None:
    person = await house.register()
    for _ in range(5):
        await log_in(house, person.email.upper(), "wrong", expect=401)
    await log_in(house, person.email, PASSWORD, expect=401)


async def test_a_lock_leaves_living_sessions_alone(house: House) -> None:
    person = await house.register()
    for _ in range(6):
        await log_in(house, person.email, "wrong", expect=401)
    await house.call("auth", "GET", "/api/v1/users/me", person=person)
    body = {"refresh_token": person.tokens["refresh_token"]}
    await house.call("auth", "POST", "/api/v1/auth/refresh", body)


async def test_failures_of_yesterday_are_forgotten(house: House) -> None:
    person = await house.register()
    for _ in range(4):
        await log_in(house, person.email, "wrong", expect=401)
    with house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE cathouse.login_attempts DISABLE TRIGGER touch_updated_at"))
        connection.execute(text("UPDATE cathouse.login_attempts SET updated_at = now() - interval '25 hours'"))
        connection.execute(text("ALTER TABLE cathouse.login_attempts ENABLE TRIGGER touch_updated_at"))
    await log_in(house, person.email, "wrong", expect=401)
    assert locked_for(house.engine, person.email) == (1, None)
