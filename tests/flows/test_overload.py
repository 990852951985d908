"""A service with more requests than it begins at once."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text

from cathouse.database import DatabaseUrl
from cathouse.web import SERVICES
from tests.fixtures.house import House, run_house

MOST = 4


@pytest.fixture
async def small(clean_db: DatabaseUrl) -> AsyncIterator[House]:
    """A house whose services begin few requests at once."""
    async with run_house(clean_db, most_requests_under_way=MOST) as house:
        yield house


async def waiting(house: House, count: int) -> None:
    """Until that many units of auth-service hold a connection, or wait for one."""
    async with asyncio.timeout(5):
        while True:
            pool = (await house.call("auth", "GET", "/health/db")).json()["pool"]
            if pool["in_use"] + pool["waiting"] >= count:
                return
            await asyncio.sleep(0.01)


async def test_too_many_are_refused_readably_while_the_others_and_the_watchers_are_answered(small: House) -> None:
    person = await small.register()
    change = {"display_name": "Mia"}

    async def rename() -> httpx.Response:
        return await small.call("auth", "PATCH", "/api/v1/users/me", change, headers=person.headers, expect=None)

    with small.engine.begin() as connection:
        connection.execute(text("LOCK TABLE cathouse.users IN EXCLUSIVE MODE"))
        renaming = [asyncio.create_task(rename()) for _ in range(MOST)]
        await waiting(small, MOST)
        origin = {"Origin": "http://localhost:3000", "X-Request-ID": "one-too-many"}
        refused = await small.call("auth", "GET", "/api/v1/users/me", headers={**person.headers, **origin}, expect=503)
        assert refused.json()["code"] == "overloaded"
        assert refused.json()["request_id"] == refused.headers["x-request-id"] == "one-too-many"
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["access-control-allow-origin"] == origin["Origin"]
        assert refused.headers["x-content-type-options"] == "nosniff"
        for path in ("/health", "/.well-known/jwks.json"):
            await small.call("auth", "GET", path)
        counted = (await small.call("auth", "GET", "/metrics")).text
        assert 'route="unmatched",service="auth",status="503"} 1.0' in counted
        for service in set(SERVICES) - {"auth"}:
            await small.call(service, "GET", "/openapi.json")
    assert [answer.status_code for answer in await asyncio.gather(*renaming)] == [200] * MOST
    answer = await small.call("auth", "GET", "/api/v1/users/me", headers=person.headers)
    assert answer.json()["display_name"] == change["display_name"]
