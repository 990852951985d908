"""While people work, a signing key is replaced: none of their requests fails."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from auth_service.jwt_secrets import JwtSecrets
from auth_service.signing_keys import service as signing_keys
from auth_service.signing_keys.rotation import KEPT_FOR, PUBLISHED_FOR
from auth_service.signing_keys.service import SigningKeys
from cathouse.database import Database, DatabaseSettings, DatabaseUrl
from cathouse.identity import jwks
from tests.auth.tokens import PATHS, header_of
from tests.fixtures.house import JWT_SECRET, House, Person
from tests.fixtures.server import role_url

PACE_S = 0.5
"""In place of the minute after which keys are asked for anew, and of the pause between two tries."""

PEOPLE = 3


@dataclass
class Load:
    """People who refresh their tokens and use the newest one everywhere, again and again."""

    house: House
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    kids: list[str] = field(default_factory=list)

    async def work(self, person: Person) -> None:
        tokens = dict(person.tokens)
        while True:
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            for service, path in PATHS.items():
                answer = await self.house.call(service, "GET", path, headers=headers, expect=None)
                self.answers[service, answer.status_code] += 1
            body = {"refresh_token": tokens["refresh_token"]}
            refreshed = await self.house.call("auth", "POST", "/api/v1/auth/refresh", body, expect=None)
            self.answers["refresh", refreshed.status_code] += 1
            tokens = refreshed.json()
            kid = header_of(tokens["access_token"])["kid"]
            if kid not in self.kids:
                self.kids.append(kid)

    async def goes_on(self) -> None:
        """Wait until the load has run for some renewals more."""
        count, ends = sum(self.answers.values()), asyncio.get_running_loop().time() + 3 * PACE_S
        while asyncio.get_running_loop().time() < ends or sum(self.answers.values()) < count + 60:  # noqa: ASYNC110 - the load runs by itself
            await asyncio.sleep(0.05)


async def asked(house: House, service: str, path: str, person: Person) -> None:
    """Let a service fetch the keys, however long a busy machine takes for it."""
    for _ in range(60):
        if (await house.call(service, "GET", path, person=person, expect=None)).status_code == 200:
            return
        await asyncio.sleep(PACE_S)
    raise AssertionError(f"{service}-service never had the keys")


@asynccontextmanager
async def load_on(house: House) -> AsyncIterator[Load]:
    load = Load(house)
    people = [await house.register() for _ in range(PEOPLE)]
    for service, path in PATHS.items():  # every service has seen the first key: from here on nothing may fail
        await asked(house, service, path, people[0])
    async with asyncio.TaskGroup() as group:
        working = [group.create_task(load.work(person)) for person in people]
        yield load
        for each in working:
            each.cancel()


async def rotate(settings: DatabaseSettings) -> None:
    """Publish a new key, as the command does."""
    database = Database.from_settings(settings, "auth")
    try:
        await SigningKeys(database, JwtSecrets.parse(JWT_SECRET)).rotate()
    finally:
        await database.close()


async def test_a_rotation_under_load_fails_no_request(
    house: House, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (signing_keys, "RELOAD_AFTER_S"),
        (signing_keys, "LOOK_AGAIN_S"),
        (jwks, "REFRESH_AFTER_S"),
        (jwks, "UNKNOWN_KEY_PAUSE_S"),
    ):
        monkeypatch.setattr(module, name, PACE_S)
    settings = DatabaseSettings(_env_file=None, database_url=SecretStr(role_url("auth", clean_db).for_libpq()))

    def pass_over(column: str, by: object) -> None:
        with house.engine.begin() as connection:
            connection.execute(text(f"UPDATE cathouse.signing_keys SET {column} = {column} - :by"), {"by": by})

    async with load_on(house) as load:
        await load.goes_on()
        await rotate(settings)
        await load.goes_on()
        assert len(load.kids) == 1  # published, and not signing yet
        pass_over("created_at", PUBLISHED_FOR * 2)
        await load.goes_on()
        assert len(load.kids) == 2
        pass_over("retired_at", KEPT_FOR * 2)
        await load.goes_on()
    published = (await house.call("auth", "GET", "/.well-known/jwks.json")).json()["keys"]
    assert [key["kid"] for key in published] == load.kids[1:]
    assert {status for _, status in load.answers} == {200}, load.answers
