"""Password hashes: brought along ones are accepted and replaced, weak ones renewed, broken ones are wrong."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import bcrypt
import httpx
import pytest
from argon2 import PasswordHasher, Type
from sqlalchemy import delete, select, update

from auth_service.accounts.common_passwords import is_common
from auth_service.accounts.errors import HashingBusyError
from auth_service.accounts.passwords import Passwords
from cathouse.database import DatabaseUrl
from cathouse.schema import AuditEvent, LoginAttempt, User
from tests.factories.accounts import PASSWORD
from tests.fixtures.gaps import stop_after
from tests.fixtures.house import House, Person, run_house

pytestmark = pytest.mark.full_hashes

CHANGE = "/api/v1/auth/password/change"
LOGIN = "/api/v1/auth/login"
ARGON2ID = "$argon2id$v=19$m=19456,t=2,p=1$"
NEW_PASSWORD = "another password altogether"


@pytest.fixture
async def one_house(clean_db: DatabaseUrl) -> AsyncIterator[House]:
    async with run_house(clean_db) as running:
        yield running


def made_by_bcrypt(password: str, prefix: str = "$2b$") -> str:
    """What bcrypt of years ago made of it: 72 bytes, whatever came after them. At its least cost, for speed."""
    made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
    return prefix + made.removeprefix("$2b$")


def store(house: House, person: Person, password_hash: str | None, **values: Any) -> None:
    with house.engine.begin() as connection:
        values["password_hash"] = password_hash
        connection.execute(update(User).where(User.id == person.id).values(**values))
        connection.execute(delete(LoginAttempt))


def stored(house: House, person: Person) -> tuple[str, bool]:
    with house.engine.connect() as connection:
        query = select(User.password_hash, User.password_is_long).where(User.id == person.id)
        password_hash, is_long = connection.execute(query).one()
    return str(password_hash), is_long


async def log_in(house: House, person: Person, password: str, *, expect: int | None = 200) -> httpx.Response:
    body = {"email": person.email, "password": password}
    return await house.call("auth", "POST", LOGIN, body, expect=expect)


async def test_a_hash_of_bcrypt_is_replaced_at_the_first_log_in(house: House) -> None:
    person = await house.register()
    short, long = "Violet-42-x", "violets are blue, 42 of them"
    for prefix in ("$2a$", "$2b$", "$2y$"):
        for password, is_long in ((short, False), (long, True)):
            store(house, person, made_by_bcrypt(password, prefix), password_is_long=not is_long)
            await log_in(house, person, "wrong", expect=401)
            assert stored(house, person) == (made_by := stored(house, person)[0], not is_long)
            assert made_by.startswith(prefix)
            await log_in(house, person, password)
            replaced, is_noted_as_long = stored(house, person)
            assert replaced.startswith(ARGON2ID), prefix
            assert is_noted_as_long is is_long
            await log_in(house, person, password)
            assert stored(house, person)[0] == replaced  # once is enough
            await log_in(house, person, password + "x", expect=401)
    with house.engine.connect() as connection:
        # It is the same password: nobody is mailed or told.
        query = select(AuditEvent.action).where(AuditEvent.action == "user.password_changed")
        assert connection.scalars(query).all() == []


async def test_what_bcrypt_cut_off_is_cut_off(one_house: House) -> None:
    person = await one_house.register()
    for password in ("x" * 80, "é" * 40, "a" * 71 + "é" + "b" * 9, "a" * 72):
        assert len(password.encode()) >= 72
        store(one_house, person, made_by_bcrypt_of_bytes(password))
        await log_in(one_house, person, password)
        assert stored(one_house, person)[0].startswith(ARGON2ID)
        await log_in(one_house, person, password)  # the whole of it from now on
        await log_in(one_house, person, password[:-1], expect=401)
    store(one_house, person, made_by_bcrypt("x" * 80))
    await log_in(one_house, person, "x" * 71, expect=401)
    composed = "Blüten-Café 42"
    store(one_house, person, made_by_bcrypt(composed))
    await log_in(one_house, person, unicodedata.normalize("NFD", composed))


def made_by_bcrypt_of_bytes(password: str) -> str:
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()


async def test_several_log_ins_at_once_all_succeed_while_the_hash_is_replaced(house: House) -> None:
    person = await house.register()
    for weak in (made_by_bcrypt(PASSWORD), PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)):
        store(house, person, weak)
        answers = await asyncio.gather(*(log_in(house, person, PASSWORD, expect=None) for _ in range(4)))
        assert [answer.status_code for answer in answers] == [200] * 4
        assert stored(house, person)[0].startswith(ARGON2ID)


async def test_a_replacement_never_undoes_a_change_of_the_password(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await house.register()
    store(house, person, made_by_bcrypt(PASSWORD))
    gap = stop_after(monkeypatch, "auth_service.accounts.passwords.Passwords.renewed")
    logging_in = asyncio.create_task(log_in(house, person, PASSWORD, expect=None))
    await gap.reached()  # the old password was verified, and hashed anew
    change = {"current_password": PASSWORD, "password": NEW_PASSWORD}
    await house.call("auth", "POST", "/api/v1/auth/password/change", change, person=person, expect=204)
    changed = stored(house, person)
    gap.go_on()
    assert (await logging_in).status_code == 401
    assert stored(house, person) == changed
    await log_in(house, person, PASSWORD, expect=401)
    await log_in(house, person, NEW_PASSWORD)


async def test_weaker_hashes_of_argon2_are_renewed_and_good_ones_kept(one_house: House) -> None:
    person = await one_house.register()
    weaker = [
        PasswordHasher(time_cost=1, memory_cost=19456, parallelism=1),
        PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1),
        PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, hash_len=16),
        PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, type=Type.I),
    ]
    for hasher in weaker:
        store(one_house, person, hasher.hash(PASSWORD), password_is_long=False)
        await log_in(one_house, person, PASSWORD)
        assert stored(one_house, person)[0].startswith(ARGON2ID)
        assert stored(one_house, person)[1] is True
    good = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(PASSWORD)
    # Of an account from before the length was noted.
    store(one_house, person, good, password_is_long=False)
    await log_in(one_house, person, PASSWORD)
    assert stored(one_house, person) == (good, True)


async def test_a_hash_that_is_none_is_a_wrong_password(one_house: House) -> None:
    person = await one_house.register()
    good = made_by_bcrypt(PASSWORD)
    broken = [
        *("", " ", "plain", "é", "\u2603" * 40, "$", "$$$$$", "$2b$", "$2b$04$", "$2b$04$short", "$2x$" + good[4:]),
        *("$2$" + good[4:], "$2b$99$" + good[7:], "$2b$xx$" + good[7:], good[:-1], good + "x", good + "\n"),
        *("$2b$04$" + "é" * 53, "$2b$00$" + good[7:]),
        *("$argon2id$", ARGON2ID, ARGON2ID + "!!$!!", "$argon2id$v=19$m=1,t=0,p=0$YWFhYWFhYWE$YWFhYWFhYWE"),
        *(
            "$argon2x$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWE",
            "$argon2id$v=19$m=4294967295,t=1,p=1$YWFhYWFhYWE$YWFhYWFh",
        ),
        *("$5$rounds=5000$salt$hash", "pbkdf2_sha256$600000$salt$hash", "x" * 255),
    ]
    for password_hash in broken:
        store(one_house, person, password_hash)
        answer = await log_in(one_house, person, PASSWORD, expect=None)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (401, "invalid_credentials"), f"{password_hash}: {answer.text}"
        assert stored(one_house, person)[0] == password_hash
    store(one_house, person, None)
    await log_in(one_house, person, PASSWORD, expect=401)


async def test_a_log_in_that_could_not_be_checked_is_not_counted_as_a_guess(
    one_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await one_house.register()
    with monkeypatch.context() as patch:
        patch.setattr(Passwords, "verify", _busy)
        for _ in range(6):
            answer = await log_in(one_house, person, PASSWORD, expect=503)
            assert answer.json()["code"] == "hashing_busy"
            assert int(answer.headers["retry-after"]) > 0
    await log_in(one_house, person, PASSWORD)  # it is not locked


@pytest.mark.parametrize("busy", ["verify", "hash"])
async def test_a_password_that_could_not_be_changed_at_the_moment_is_not_counted_as_a_guess(
    busy: str, one_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await one_house.register()
    body = {"current_password": PASSWORD, "password": "another correct horse"}
    with monkeypatch.context() as patch:
        patch.setattr(Passwords, busy, _busy)
        for _ in range(6):
            await one_house.call("auth", "POST", CHANGE, body, person=person, expect=503)
    await one_house.call("auth", "POST", CHANGE, body, person=person, expect=204)  # it is not locked


async def test_a_log_in_that_finds_the_queue_full_costs_the_database_nothing(
    one_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_passwords: Passwords) -> None:
        raise HashingBusyError

    async def nobody_may_ask(*_arguments: object) -> None:
        pytest.fail("the database was asked")

    person = await one_house.register()
    monkeypatch.setattr(Passwords, "check_queue", refuse)
    monkeypatch.setattr("cathouse.database.Database.once", nobody_may_ask)
    answer = await log_in(one_house, person, PASSWORD, expect=503)
    assert answer.json()["code"] == "hashing_busy"


async def _busy(*_arguments: object) -> bool:
    raise HashingBusyError


async def test_who_cannot_be_renewed_at_the_moment_is_let_in_all_the_same(
    one_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await one_house.register()
    weak = made_by_bcrypt(PASSWORD)
    store(one_house, person, weak)
    with monkeypatch.context() as patch:
        patch.setattr(Passwords, "hash", _busy)
        await log_in(one_house, person, PASSWORD)
    assert stored(one_house, person)[0] == weak
    await log_in(one_house, person, PASSWORD)
    assert stored(one_house, person)[0].startswith(ARGON2ID)


def test_two_listed_passwords_in_lines_of_their_own_are_not_on_the_list() -> None:
    assert is_common("dragon")
    assert not is_common("123456\npassword")
