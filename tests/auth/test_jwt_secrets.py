"""JWT_SECRET is replaced while people stay logged in; what came of a value that was taken away is worth nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from auth_service.jwt_secrets import JwtSecrets
from auth_service.signing_keys.rotation import PUBLISHED_FOR
from auth_service.signing_keys.service import SigningKeys
from cathouse.database import Database, DatabaseSettings, DatabaseUrl
from cathouse.schema import SigningKey
from tests.factories.accounts import PASSWORD
from tests.fixtures.house import JWT_SECRET, House, create_service, settings_for
from tests.fixtures.server import role_url
from tests.fixtures.serving import serve

NEW = "a-newer-jwt-key-of-the-tests-and-of-nothing-else"
REPLICAS = 4


@pytest.fixture
async def database(clean_db: DatabaseUrl) -> AsyncIterator[Database]:
    settings = DatabaseSettings(_env_file=None, database_url=SecretStr(role_url("auth", clean_db).for_libpq()))
    opened = Database.from_settings(settings, "auth")
    yield opened
    await opened.close()


@asynccontextmanager
async def another_auth(house: House, clean_db: DatabaseUrl, secrets: str) -> AsyncIterator[str]:
    """One more auth-service on the house's database, with these values of JWT_SECRET."""
    ports = {service: urlsplit(url).port or 0 for service, url in house.urls.items()}
    settings = settings_for("auth", clean_db, ports, jwt_secret=SecretStr(secrets))
    async with serve(create_service("auth", settings)) as url:
        yield url


async def post(house: House, url: str, path: str, body: dict[str, str], *, expect: int) -> dict[str, str]:
    answer = await house.http.post(f"{url}/api/v1/auth/{path}", json=body)
    assert answer.status_code == expect, answer.text
    result: dict[str, str] = answer.json()
    return result


async def refresh(house: House, url: str, token: str, *, expect: int = 200) -> dict[str, str]:
    return await post(house, url, "refresh", {"refresh_token": token}, expect=expect)


async def new_key_signs(house: House, database: Database) -> None:
    """A rotation of the signing key under the new secret, with its twenty minutes gone by."""
    await SigningKeys(database, JwtSecrets.parse(f"{NEW},{JWT_SECRET}")).rotate()
    with house.engine.begin() as connection:
        older = {"by": PUBLISHED_FOR * 2}
        connection.execute(text("UPDATE cathouse.signing_keys SET created_at = created_at - :by"), older)


async def test_sessions_live_on_under_an_older_secret_of_the_list_and_end_with_its_removal(
    house: House, clean_db: DatabaseUrl, database: Database
) -> None:
    person = await house.register()
    credentials = {"email": person.email, "password": PASSWORD}
    async with another_auth(house, clean_db, f"{NEW},{JWT_SECRET}") as both:
        second = await refresh(house, both, person.tokens["refresh_token"])
        third = await refresh(house, house.urls["auth"], second["refresh_token"])
        begun_under_new = await post(house, both, "login", credentials, expect=200)
        assert (await refresh(house, house.urls["auth"], begun_under_new["refresh_token"], expect=401))["code"] == (
            "refresh_token_invalid"
        )
        begun_under_new = await refresh(house, both, begun_under_new["refresh_token"])
    await new_key_signs(house, database)
    async with another_auth(house, clean_db, NEW) as only_new:
        refused = await refresh(house, only_new, third["refresh_token"], expect=401)
        assert refused["code"] == "refresh_token_invalid"
        await refresh(house, only_new, begun_under_new["refresh_token"])
        await post(house, only_new, "login", credentials, expect=200)
    async with another_auth(house, clean_db, f"{NEW},{JWT_SECRET}") as both_again:
        await refresh(house, both_again, third["refresh_token"])  # it was refused, and is not spent


async def test_a_secret_that_is_taken_away_too_early_says_what_to_do_and_forgives(
    house: House, clean_db: DatabaseUrl
) -> None:
    person = await house.register()
    async with another_auth(house, clean_db, NEW) as too_early:
        await refresh(house, too_early, person.tokens["refresh_token"], expect=401)
        told = await post(house, too_early, "login", {"email": person.email, "password": PASSWORD}, expect=503)
        assert told["code"] == "no_signing_key"
        assert "JWT_SECRET" in told["detail"]
        assert JWT_SECRET not in str(told)
        # What the lost key signed is verified all the same.
        me = await house.http.get(f"{too_early}/api/v1/users/me", headers=person.headers)
        assert me.status_code == 200, me.text
        keys = await house.http.get(f"{too_early}/.well-known/jwks.json")
        assert len(keys.json()["keys"]) == 1
    await refresh(house, house.urls["auth"], person.tokens["refresh_token"])


async def test_several_replicas_that_start_on_an_empty_database_make_one_key(
    house: House, clean_db: DatabaseUrl
) -> None:
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(another_auth(house, clean_db, JWT_SECRET)) for _ in range(REPLICAS)]
        with house.engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(SigningKey)) == 0
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            paths = [f"{url}/.well-known/jwks.json" for url in (*urls, house.urls["auth"]) for _ in range(3)]
            answers = await asyncio.gather(*(http.get(path) for path in paths))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(SigningKey)) == 1
