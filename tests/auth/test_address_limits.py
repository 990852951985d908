"""How often one address may log in and register, behind a proxy and without one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from cathouse.database import DatabaseUrl
from cathouse.identity import USED_BY, derive, parse_roots
from cathouse.schema import LoginAttempt, Session
from tests.factories.accounts import PASSWORD, registration
from tests.fixtures.house import PLATFORM_SECRET, House, create_service, run_house, settings_for
from tests.fixtures.relay import relay_to
from tests.fixtures.server import role_url, server_url
from tests.fixtures.serving import serve

LOGIN = "/api/v1/auth/login"
TOKEN = "/api/v1/auth/token"
REGISTER = "/api/v1/auth/register"
NOBODY = {"email": "nobody@example.com", "password": PASSWORD}


def came_from(*forwarded: str) -> dict[str, str]:
    """What the proxy in front of us writes."""
    return {"X-Forwarded-For": ", ".join(forwarded)}


async def attempt(house: House, *forwarded: str, body: object = None) -> httpx.Response:
    """A log-in that comes to nothing, whatever address it is said to come from."""
    sent = NOBODY if body is None else body
    headers = came_from(*forwarded) if forwarded else {}
    return await house.http.post(house.urls["auth"] + LOGIN, json=sent, headers=headers)


async def outcomes(house: House, *clients: str) -> list[int]:
    return [(await attempt(house, client)).status_code for client in clients]


@pytest.fixture
async def behind_a_proxy(clean_db: DatabaseUrl) -> AsyncIterator[House]:
    """The four services; the proxy in front of them runs on this machine, as the tests do."""
    async with run_house(
        clean_db, trusted_proxies="127.0.0.1, 10.0.0.0/8", limit_logins="3/minute", limit_mails="2/minute"
    ) as running:
        yield running


async def test_each_client_of_a_proxy_has_its_own_count(behind_a_proxy: House) -> None:
    house = behind_a_proxy
    assert await outcomes(house, *["203.0.113.1"] * 5) == [401, 401, 401, 429, 429]
    assert await outcomes(house, "203.0.113.2") == [401]


async def test_what_a_client_writes_itself_makes_it_nobody_else(behind_a_proxy: House) -> None:
    """The proxy adds the address that it saw, on the right."""
    house = behind_a_proxy
    for spoofed in ("1.1.1.1", "2.2.2.2", "10.0.0.1"):
        assert (await attempt(house, spoofed, "203.0.113.1")).status_code == 401
    assert (await attempt(house, "3.3.3.3", "203.0.113.1")).status_code == 429
    assert (await attempt(house, "203.0.113.1", "10.0.0.9")).status_code == 429  # a second proxy of ours
    assert (await attempt(house, "203.0.113.1", "203.0.113.2")).status_code == 401


async def test_an_ipv6_network_is_one_client(behind_a_proxy: House) -> None:
    house = behind_a_proxy
    own = ("2001:db8:0:1::1", "[2001:db8:0:1::2]:5000", "2001:db8:0:1:a:b:c:d", "2001:db8:0:1::4")
    assert await outcomes(house, *own) == [401, 401, 401, 429]
    assert await outcomes(house, "2001:db8:0:2::1") == [401]


async def test_rubbish_is_one_client_and_breaks_nothing(behind_a_proxy: House) -> None:
    house = behind_a_proxy
    assert await outcomes(house, "unknown", "x" * 50_000, "1.2.3.4:port", "[::1") == [401, 401, 401, 429]
    assert (await attempt(house, "6.6.6.6," * 10_000 + "203.0.113.1")).status_code == 401
    enormous = await attempt(house, "6.6.6.6," * 130_000 + "203.0.113.1")
    assert enormous.status_code in (400, 401, 413, 431)


async def test_what_comes_of_an_attempt_does_not_matter(behind_a_proxy: House) -> None:
    house = behind_a_proxy
    person = await house.register()
    good = {"email": person.email, "password": PASSWORD}
    assert (await attempt(house, "203.0.113.1", body=good)).status_code == 200
    assert (await attempt(house, "203.0.113.1", body={"email": person.email})).status_code == 422
    form = {"grant_type": "password", "username": person.email, "password": "wrong"}
    answer = await house.http.post(house.urls["auth"] + TOKEN, data=form, headers=came_from("203.0.113.1"))
    assert answer.status_code == 401
    assert (await attempt(house, "203.0.113.1", body=good)).status_code == 429
    answer = await house.http.post(house.urls["auth"] + TOKEN, data=form, headers=came_from("203.0.113.1"))
    assert answer.status_code == 429


async def test_parallel_attempts_are_counted_one_by_one(behind_a_proxy: House) -> None:
    house = behind_a_proxy
    answers = await asyncio.gather(*(attempt(house, "203.0.113.1") for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [401] * 3 + [429] * 9


async def test_a_refused_attempt_asks_no_database_and_counts_against_no_account(clean_db: DatabaseUrl) -> None:
    async with (
        relay_to(server_url()) as relay,
        run_house(clean_db, through=relay.url, trusted_proxies="127.0.0.1", limit_logins="3/minute") as house,
    ):
        assert await outcomes(house, *["203.0.113.1"] * 4) == [401, 401, 401, 429]
        user = role_url("auth", clean_db).user
        before = relay.round_trips[user]
        assert before
        assert await outcomes(house, *["203.0.113.1"] * 10) == [429] * 10
        assert relay.round_trips[user] == before
        with house.engine.connect() as connection:
            assert connection.scalar(select(LoginAttempt.failures)) == 3


async def test_registrations_are_counted_by_themselves(behind_a_proxy: House) -> None:
    house = behind_a_proxy
    headers = came_from("203.0.113.1")
    for status in (201, 201, 429):
        await house.call("auth", "POST", REGISTER, registration(), headers=headers, expect=status)
    assert await outcomes(house, "203.0.113.1") == [401]


async def test_a_refusal_says_how_long_to_wait_and_browsers_may_read_it(behind_a_proxy: House) -> None:
    house = behind_a_proxy
    headers = {**came_from("203.0.113.1"), "Origin": "http://localhost:3000"}
    person = await house.register()
    body = {"email": person.email, "password": PASSWORD}
    good = await house.call("auth", "POST", LOGIN, body, headers=headers)
    assert (good.headers["ratelimit-limit"], good.headers["ratelimit-remaining"]) == ("3", "2")
    for _ in range(2):
        await house.call("auth", "POST", LOGIN, body, headers=headers)
    refused = await house.call("auth", "POST", LOGIN, body, headers=headers, expect=429)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["cache-control"] == "no-store"
    told = refused.json()
    assert (told["code"], told["status"], told["title"]) == ("rate_limited", 429, "Too many requests")
    assert told["type"] == "/docs/errors#rate_limited"
    assert told["request_id"] == refused.headers["x-request-id"]
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 60
    assert told["detail"] == f"Too many requests of this kind. Try again in {wait} s."
    assert refused.headers["ratelimit-limit"] == "3"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-reset"] == str(wait)
    assert refused.headers["access-control-allow-origin"] == "http://localhost:3000"
    exposed = {name.strip() for name in refused.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}


async def test_after_the_wait_the_way_is_free(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db, trusted_proxies="127.0.0.1", limit_logins="1/second") as house:
        answers = [await attempt(house, "203.0.113.1") for _ in range(3)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["retry-after"] == "1"
        await asyncio.sleep(1.1)
        assert await outcomes(house, "203.0.113.1") == [401]


async def kept_address(house: House, *forwarded: str) -> str | None:
    """What the newest session says of where it began."""
    person = await house.register()
    body = {"email": person.email, "password": PASSWORD}
    assert (await attempt(house, *forwarded, body=body)).status_code == 200
    with house.engine.connect() as connection:
        query = select(Session.ip).where(Session.user_id == person.id).order_by(Session.created_at.desc()).limit(1)
        address: str | None = connection.scalar(query)
    return address


async def test_a_session_keeps_the_clients_address_and_nothing_else(behind_a_proxy: House) -> None:
    house = behind_a_proxy
    assert await kept_address(house, "1.1.1.1", "203.0.113.7") == "203.0.113.7"
    assert await kept_address(house, "[2001:DB8::0001]:443") == "2001:db8::1"
    assert await kept_address(house, "::ffff:203.0.113.7") == "203.0.113.7"
    assert await kept_address(house, "fe80::1%eth0") == "fe80::1"
    assert await kept_address(house, "unknown") is None
    assert await kept_address(house, "x" * 5000) is None
    assert await kept_address(house) == "127.0.0.1"


@pytest.mark.parametrize("proxies", ["", "203.0.113.254, 10.0.0.0/8"])
async def test_who_is_no_proxy_of_ours_speaks_for_nobody(clean_db: DatabaseUrl, proxies: str) -> None:
    async with run_house(clean_db, trusted_proxies=proxies, limit_logins="1/minute") as house:
        assert await kept_address(house, "203.0.113.7") == "127.0.0.1"
        # In development this machine is exempt; an address that it makes up does not change that.
        assert await outcomes(house, *["203.0.113.7"] * 4) == [401] * 4


async def test_off_is_off(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db, trusted_proxies="127.0.0.1", limit_logins="off") as house:
        answers = [await attempt(house, "203.0.113.7") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {401}
        assert not any("ratelimit-limit" in answer.headers for answer in answers)


@asynccontextmanager
async def auth_in_production(database: DatabaseUrl, **changes: str) -> AsyncIterator[str]:
    """auth-service alone, as it is in production."""
    keys = {use.value: SecretStr(derive(parse_roots(PLATFORM_SECRET), use).text()) for use in USED_BY["auth"]}
    values = settings_for(
        "auth",
        database,
        {},
        environment="production",
        platform_secret=None,
        token_issuer="https://auth.example.com",
        metrics_token=SecretStr("a-metrics-token-of-the-tests-and-of-nothing-else"),
        **keys,
        **changes,
    )
    async with serve(create_service("auth", values)) as url:
        yield url


async def test_production_exempts_nobody(clean_db: DatabaseUrl) -> None:
    async with (
        auth_in_production(clean_db, limit_logins="2/minute") as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as http,
    ):
        answers = [await http.post(LOGIN, json=NOBODY, headers=came_from(f"203.0.113.{last}")) for last in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_production_behind_a_proxy(clean_db: DatabaseUrl) -> None:
    async with (
        auth_in_production(clean_db, limit_logins="2/minute", trusted_proxies="127.0.0.0/8") as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as http,
    ):
        clients = ("203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2")
        answers = [await http.post(LOGIN, json=NOBODY, headers=came_from(client)) for client in clients]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 401]


async def test_the_usual_limits(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db, trusted_proxies="127.0.0.1") as house:
        registered = await house.call(
            "auth", "POST", REGISTER, registration(), headers=came_from("203.0.113.1"), expect=201
        )
        assert (registered.headers["ratelimit-limit"], registered.headers["ratelimit-remaining"]) == ("20", "19")
        person = await house.register()
        good = await attempt(house, "203.0.113.1", body={"email": person.email, "password": PASSWORD})
        assert (good.headers["ratelimit-limit"], good.headers["ratelimit-remaining"]) == ("60", "59")
        with house.engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(Session)) == 2
