"""Signing keys come, sign, go and are gone, and nobody notices but who holds a stolen one."""

import asyncio
import base64
import datetime as dt
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from auth_service.jwt_secrets import JwtSecrets
from auth_service.signing_keys import service as signing_keys
from auth_service.signing_keys.rotation import KEPT_FOR, PUBLISHED_FOR, REPLACED_AFTER, Steps, steps_due
from auth_service.signing_keys.service import SigningKeys
from cathouse.database import Database, DatabaseSettings, DatabaseUrl
from cathouse.identity import jwks
from cathouse.schema import SigningKeyState
from tests.fixtures.commands import Command
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET, House, Person
from tests.fixtures.server import role_url, server_url
from tests.fixtures.waiting import until

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
PENDING, ACTIVE, RETIRING = SigningKeyState.PENDING, SigningKeyState.ACTIVE, SigningKeyState.RETIRING


@dataclass(frozen=True)
class Key:
    kid: str
    state: str
    age: dt.timedelta

    @property
    def created_at(self) -> dt.datetime:
        return NOW - self.age

    activated_at = retired_at = created_at


@pytest.mark.parametrize(
    ("keys", "steps"),
    [
        ([], Steps(make=ACTIVE)),
        ([Key("a", ACTIVE, MINUTE)], Steps()),
        ([Key("a", ACTIVE, REPLACED_AFTER - PUBLISHED_FOR + MINUTE)], Steps(make=PENDING)),
        ([Key("a", ACTIVE, REPLACED_AFTER), Key("b", PENDING, PUBLISHED_FOR - MINUTE)], Steps()),
        (
            [Key("a", ACTIVE, REPLACED_AFTER), Key("b", PENDING, PUBLISHED_FOR + MINUTE)],
            Steps(activate="b", retire=("a",)),
        ),
        ([Key("a", RETIRING, KEPT_FOR - MINUTE), Key("b", ACTIVE, MINUTE)], Steps()),
        ([Key("a", RETIRING, KEPT_FOR + MINUTE), Key("b", ACTIVE, MINUTE)], Steps(revoke=("a",))),
        ([Key("b", PENDING, MINUTE)], Steps(activate="b")),
        ([Key("a", RETIRING, MINUTE)], Steps(make=ACTIVE)),
    ],
)
def test_each_step_is_due_in_its_time(keys: Sequence[Any], steps: Steps) -> None:
    assert steps_due(keys, NOW) == steps


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody asks for keys all the time, so that a test need not wait for a minute."""
    monkeypatch.setattr(signing_keys, "RELOAD_AFTER_S", 0.0)
    monkeypatch.setattr(signing_keys, "LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr(jwks, "REFRESH_AFTER_S", 0.0)
    monkeypatch.setattr(jwks, "UNKNOWN_KEY_PAUSE_S", 0.0)


@pytest.fixture
async def database(clean_db: DatabaseUrl) -> AsyncIterator[Database]:
    settings = DatabaseSettings(_env_file=None, database_url=SecretStr(role_url("auth", clean_db).for_libpq()))
    opened = Database.from_settings(settings, "auth")
    yield opened
    await opened.close()


def ring(database: Database, secret: str = JWT_SECRET) -> SigningKeys:
    return SigningKeys(database, JwtSecrets.parse(secret))


async def published(house: House) -> list[str]:
    keys = (await house.call("auth", "GET", "/.well-known/jwks.json")).json()["keys"]
    assert all("d" not in key for key in keys)
    return [key["kid"] for key in keys]


def age(house: House, **columns: dt.timedelta) -> None:
    """Make keys older than they are."""
    with house.engine.begin() as connection:
        for column, by in columns.items():
            connection.execute(text(f"UPDATE cathouse.signing_keys SET {column} = {column} - :by"), {"by": by})


async def works(house: House, *people: Person) -> None:
    """Every service takes every one of these tokens."""
    for person in people:
        await house.call("auth", "GET", "/api/v1/users/me", person=person)
        await house.call("catalog", "GET", "/api/v1/cats?mine=true", person=person)
        await house.call("installation", "GET", "/api/v1/installations", person=person)


async def test_a_rotation_from_beginning_to_end_costs_nobody_a_request(
    house: House, quick: None, database: Database
) -> None:
    first = await house.register()
    (old,) = await published(house)
    await ring(database).rotate()
    assert len(await published(house)) == 2
    again = await house.log_in(first.email, first.id)
    await works(house, first, again)
    assert kid_of(again) == old  # published, and not signing yet

    age(house, created_at=PUBLISHED_FOR + MINUTE)
    second = await house.log_in(first.email, first.id)
    new = kid_of(second)
    assert new != old
    await works(house, first, second)
    assert sorted(await published(house)) == sorted([old, new])

    age(house, retired_at=KEPT_FOR + MINUTE)
    assert await published(house) == [new]
    await works(house, second)


def kid_of(person: Person) -> str:
    header = str(person.tokens["access_token"]).split(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


async def test_a_key_is_replaced_when_it_is_old(house: House, quick: None) -> None:
    await house.register()
    assert len(await published(house)) == 1
    age(house, activated_at=REPLACED_AFTER)
    assert len(await published(house)) == 2


async def test_several_replicas_at_once_make_one_new_key(database: Database) -> None:
    replicas = [ring(database) for _ in range(6)]
    found = await asyncio.gather(*(replica.signing_key() for replica in replicas))
    assert len({kid for kid, _ in found}) == 1
    await asyncio.gather(*(replica.rotate() for replica in replicas))
    states = [key.state for key in await ring(database).list()]
    assert sorted(states) == ["active", "pending"]


async def test_a_replica_publishes_the_key_that_another_one_made_a_moment_ago(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a token that one has signed is refused, by the other and by all who ask the other for the keys."""
    one, other = ring(database), ring(database)
    old, _ = await one.signing_key()
    assert await other.find(old) is not None
    await one.revoke(old)
    new, _ = await ring(database).signing_key()
    monkeypatch.setattr(signing_keys, "LOOK_AGAIN_S", 0.0)
    assert [key["kid"] for key in (await other.public_jwks())["keys"]] == [new]
    third = ring(database)
    await third.signing_key()
    await third.revoke(new)
    newest, _ = await ring(database).signing_key()
    assert await other.find(newest) is not None


async def is_refused(house: House, person: Person, service: str, path: str) -> bool:
    return (await house.call(service, "GET", path, person=person, expect=None)).status_code == 401


async def test_a_revoked_key_ends_its_tokens_and_a_refresh_gives_good_ones(
    house: House, quick: None, database: Database
) -> None:
    person = await house.register()
    await works(house, person)
    await ring(database).revoke(kid_of(person))
    for service, path in (("catalog", "/api/v1/cats?mine=true"), ("installation", "/api/v1/installations")):
        await until(partial(is_refused, house, person, service, path))  # the others hear of it when they ask next
    await house.call("auth", "GET", "/api/v1/users/me", person=person, expect=401)
    body = {"refresh_token": person.tokens["refresh_token"]}
    tokens = (await house.call("auth", "POST", "/api/v1/auth/refresh", body)).json()
    await works(house, Person(person.id, person.email, tokens))


async def test_jwt_secret_is_rotated_newest_wraps_older_unwraps(database: Database) -> None:
    new = "another-jwt-key-of-the-tests-and-of-nothing-else"
    kid, _ = await ring(database).signing_key()
    both = ring(database, f"{new},{JWT_SECRET}")
    assert (await both.signing_key())[0] == kid
    await both.rotate()
    wrapped = {key.kid: key.wrapping_key_id for key in await both.list()}
    secrets = JwtSecrets.parse(f"{new},{JWT_SECRET}")
    assert wrapped.pop(kid) == secrets.values[1].key_id
    assert set(wrapped.values()) == {secrets.values[0].key_id}


async def test_the_commands_list_rotate_and_revoke(
    command: Command, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": role_url("auth", server_url().replace(name=clean_db.name)).for_libpq(),
        "JWT_SECRET": JWT_SECRET,
        "PLATFORM_SECRET": PLATFORM_SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    await asyncio.to_thread(command, "keys", "rotate")
    rotated = await asyncio.to_thread(command, "keys", "rotate")
    assert rotated.status == 0, rotated.err
    assert "a new key is published and signs from" in rotated.out
    listed = await asyncio.to_thread(command, "keys", "list")
    (line,) = listed.out.splitlines()
    assert "pending" in line
    unknown = await asyncio.to_thread(command, "keys", "revoke", "nonsense")
    assert unknown.status == 2
    assert "There is no living signing key nonsense" in unknown.err
    revoked = await asyncio.to_thread(command, "keys", "revoke", line.split()[0])
    assert "is revoked" in revoked.out
    assert "active" in (await asyncio.to_thread(command, "keys", "list")).out
