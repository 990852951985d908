"""REDIS_URL: replicas that count together, and what they do while Redis is away."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs

from cathouse.database import DatabaseUrl
from cathouse.web import Limiter, RateLimitedError, parse_rates
from cathouse.web.limits import redis_server, shared
from cathouse.web.limits.redis_server import RedisServer
from cathouse.web.limits.shared import LONGEST_WAIT_S, SharedLimiter
from proxy_service.settings import ProxySettings
from tests.fixtures.house import create_service, settings_for
from tests.fixtures.ports import free_port
from tests.fixtures.redis_server import PASSWORD, QUOTED_PASSWORD, RedisProcess, redis_process
from tests.fixtures.serving import serve
from tests.fixtures.starting import WORKING, run
from tests.fixtures.tls import Authority
from tests.fixtures.waiting import until

CANARY = "hush"
SECRET = b"of-this-test"
TWO = parse_rates("2/minute")


@asynccontextmanager
async def limiters(url: str, count: int = 2, **changes: Any) -> AsyncIterator[list[SharedLimiter]]:
    """Each as a process of its own has it."""
    server = RedisServer.parse(url)
    made = {"service": "auth", "secret": SECRET, **changes}
    async with AsyncExitStack() as stack:
        opened = [await SharedLimiter.open(server, **made) for _ in range(count)]
        for limiter in opened:
            stack.push_async_callback(limiter.close)
        yield opened


async def let_through(limiter: Limiter, key: str = "somebody", rates: str = "2/minute") -> bool:
    try:
        await limiter.hit(key, parse_rates(rates))
    except RateLimitedError:
        return False
    return True


async def until_shared(*limiters: SharedLimiter) -> None:
    await until(lambda: all(limiter.is_shared for limiter in limiters))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is waited for as long as a shared machine may stand still: what is counted here is counted together."""
    monkeypatch.setattr(redis_server, "TIMEOUT_S", 10.0)
    monkeypatch.setattr(shared, "LONGEST_WAIT_S", 20.0)


@pytest.mark.usefixtures("patient")
async def test_processes_share_one_limit_and_say_what_one_process_says(redis: RedisProcess) -> None:
    async with limiters(redis.url) as (one, other):
        assert one.is_shared
        first = await one.hit("somebody", parse_rates("2/minute;5/hour"))
        assert first is not None
        assert (first.limit, first.remaining, first.reset_s) == (2, 1, 60)
        second = await other.hit("somebody", parse_rates("2/minute;5/hour"))
        assert second is not None
        assert second.remaining == 0
        for limiter in (one, other):
            with pytest.raises(RateLimitedError) as refused:
                await limiter.hit("somebody", parse_rates("2/minute;5/hour"))
            assert refused.value.spent.limit == 2
            assert 55 < refused.value.spent.reset_s <= 60
        assert await let_through(one, "somebody else")
        assert await one.hit("somebody", ()) is None


@pytest.mark.usefixtures("patient")
async def test_of_many_calls_at_once_at_two_processes_as_many_pass_as_may(redis: RedisProcess) -> None:
    async with limiters(redis.url) as both:
        calls = (let_through(both[number % 2], rates="30/minute") for number in range(100))
        assert sum(await asyncio.gather(*calls)) == 30
        assert all(limiter.is_shared for limiter in both)  # more calls than connections is no reason to count alone


@pytest.mark.usefixtures("patient")
async def test_services_and_houses_do_not_count_with_one_another(redis: RedisProcess) -> None:
    async with (
        limiters(redis.url, 1) as (own,),
        limiters(redis.url, 1, service="proxy") as (proxy,),
        limiters(redis.url, 1, secret=b"another") as (house,),
    ):
        for limiter in (own, proxy, house):
            assert [await let_through(limiter) for _ in range(3)] == [True, True, False]


@pytest.mark.usefixtures("patient")
async def test_redis_is_not_told_whom_it_counts(redis: RedisProcess) -> None:
    async with limiters(redis.url, 1) as (limiter,):
        await limiter.hit("logins/203.0.113.7", TWO)
        (key,) = [key for key in redis.run("KEYS", "*") if "nobody" not in key]
    assert key.startswith("cathouse:limits:auth:")
    assert "203.0.113.7" not in key
    assert "logins" not in key
    assert 0 < int(redis.run("TTL", key)[0]) <= 60


async def test_killed_it_is_missed_once_and_nobody_fails_and_back_it_counts_again(redis: RedisProcess) -> None:
    async with limiters(redis.url) as (one, other):
        assert [await let_through(limiter) for limiter in (one, other, one)] == [True, True, False]
        with capture_logs() as logs:
            redis.kill()
            # Many are under way at once, and it is said once; each process counts for itself, from nothing.
            passed = await asyncio.gather(*(let_through(one, f"somebody {number}") for number in range(20)))
            assert all(passed)
            assert [await let_through(one) for _ in range(3)] == [True, True, False]
            assert [await let_through(other) for _ in range(3)] == [True, True, False]
            assert not one.is_shared
            assert not other.is_shared
            await asyncio.sleep(1.2)  # a look that finds nothing is not worth a line
            redis.start()
            await until_shared(one, other)
        assert [await let_through(limiter) for limiter in (one, other, one)] == [True, True, False]
    assert [line["event"] for line in logs] == ["limits.not_shared"] * 2 + ["limits.shared"] * 2
    assert {line["log_level"] for line in logs[:2]} == {"warning"}
    assert logs[0]["redis"] == f"127.0.0.1:{redis.port}/0"
    assert PASSWORD not in str(logs)


async def test_a_redis_that_hangs_is_waited_for_once(redis: RedisProcess) -> None:
    async with limiters(redis.url, 1) as (limiter,):
        await limiter.hit("somebody", TWO)
        with redis.hanging():
            async with asyncio.timeout(LONGEST_WAIT_S * 4):  # a hundred waits would be fifty seconds
                assert await let_through(limiter)
                for number in range(100):
                    assert await let_through(limiter, f"somebody {number}")
            assert not limiter.is_shared
        await until_shared(limiter)


async def test_one_that_answers_and_does_not_count_is_as_good_as_away(redis: RedisProcess) -> None:
    async with limiters(redis.url, 1) as (limiter,):
        redis.run("CONFIG", "SET", "maxmemory", "1")
        with capture_logs() as logs:
            assert await let_through(limiter)
            await asyncio.sleep(1.2)
            assert not limiter.is_shared
            redis.run("CONFIG", "SET", "maxmemory", "0")
            await until_shared(limiter)
    assert [line["event"] for line in logs] == ["limits.not_shared", "limits.shared"]


@pytest.mark.parametrize("password", ["", f":{CANARY}@", f"somebody:{CANARY}@"])
async def test_a_wrong_password_is_said_without_it(redis: RedisProcess, password: str) -> None:
    with capture_logs() as logs:
        async with limiters(f"redis://{password}127.0.0.1:{redis.port}", 1) as (limiter,):
            assert not limiter.is_shared
            assert await let_through(limiter)
    (line,) = logs
    assert line["event"] == "limits.not_shared"
    assert line["cause"] in ("AuthenticationError", "ResponseError")
    assert CANARY not in str(logs) + repr(vars(limiter))


async def test_with_tls_the_server_proves_its_name(tmp_path: Path) -> None:
    authority = Authority("Cats")
    authority.write_certificate(tmp_path / "authority.pem")
    Authority("Somebody else").write_certificate(tmp_path / "stranger.pem")
    authority.issue(tmp_path / "server.pem", tmp_path / "server.key", name="localhost")
    files = {"cert": "server.pem", "key": "server.key", "ca-cert": "authority.pem"}
    options = [word for name, file in files.items() for word in (f"--tls-{name}-file", str(tmp_path / file))]
    with redis_process(tls=[*options, "--tls-auth-clients", "no"]) as server:

        async def is_believed(host: str, query: str) -> bool:
            url = f"rediss://:{QUOTED_PASSWORD}@{host}:{server.port}{query}"
            async with limiters(url, 1) as (limiter,):
                return limiter.is_shared

        assert await is_believed("localhost", f"?ca={tmp_path}/authority.pem")
        assert not await is_believed("127.0.0.1", f"?ca={tmp_path}/authority.pem")
        assert not await is_believed("localhost", f"?ca={tmp_path}/stranger.pem")
        assert not await is_believed("localhost", "")


@pytest.mark.usefixtures("patient")
async def test_two_processes_of_a_service_hold_an_address_to_one_limit(
    redis: RedisProcess, clean_db: DatabaseUrl
) -> None:
    ports = {"auth": free_port()}
    values = settings_for(
        "auth", clean_db, ports, redis_url=redis.url, trusted_proxies="127.0.0.1", limit_logins="3/minute"
    )
    async with (
        serve(create_service("auth", values)) as one,
        serve(create_service("auth", values)) as other,
        httpx.AsyncClient(trust_env=False) as http,
    ):

        async def log_in(url: str) -> httpx.Response:
            body = {"email": "nobody@example.com", "password": "not that one"}
            return await http.post(f"{url}/api/v1/auth/login", json=body, headers={"X-Forwarded-For": "203.0.113.7"})

        answers = [await log_in(url) for url in (one, other, one, other, one)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert answers[3].headers["RateLimit-Limit"] == "3"
        redis.kill()
        assert [(await log_in(url)).status_code for url in (one, other, one, other)] == [401] * 4


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache", RedisServer("cache", 6379, 0, tls=False)),
        ("redis://Cache:6380/", RedisServer("cache", 6380, 0, tls=False)),
        ("redis://[::1]/3", RedisServer("::1", 6379, 3, tls=False)),
        ("rediss://:p%2Fw@cache.example.com", RedisServer("cache.example.com", 6379, 0, True, None, "p/w")),
        ("rediss://me:p@cache/1", RedisServer("cache", 6379, 1, True, "me", "p")),
    ],
)
def test_a_server_is_read(url: str, expected: RedisServer) -> None:
    assert RedisServer.parse(url) == expected


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_is_not_percent_encoded_is_read_or_refused_and_never_shown(password: str) -> None:
    try:
        said = repr(RedisServer.parse(f"rediss://me:{CANARY}{password}{CANARY}@cache"))
    except ValueError as refusal:
        said = str(refusal)
    else:
        assert said == "cache:6379/0 (tls)"
    assert CANARY not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("cache:6379", "expected redis://USER:PASSWORD@HOST:6379/0"),
        ("http://:hush@cache", "expected redis://USER:PASSWORD@HOST:6379/0"),
        ("redis://", "expected redis://USER:PASSWORD@HOST:6379/0"),
        ("redis://:hush@", "expected redis://USER:PASSWORD@HOST:6379/0"),
        ("redis://:hush@cache/first", "expected redis://USER:PASSWORD@HOST:6379/0"),
        ("redis://:hush@cache:0", "expected redis://USER:PASSWORD@HOST:6379/0"),
        ("redis://:hush@ca che", "expected redis://USER:PASSWORD@HOST:6379/0"),
        ("redis://:hush@cache:many", "it cannot be read: expected redis://"),
        ("redis://:12/hush@cache", "it cannot be read: expected redis://"),
        ("redis://:%ff-hush@cache", "it cannot be read: expected redis://"),
        ("redis://hush@cache", "a user needs a password"),
        ("redis://:hush@cache?ca=x.pem", "an unknown option: there is ca=FILE, with rediss://"),
        ("rediss://:hush@cache?ssl_cert_reqs=none", "an unknown option: there is ca=FILE, with rediss://"),
        ("rediss://:hush@cache?ca=/no/such.pem", "ca=/no/such.pem: no such file or directory"),
        (f"rediss://:hush@cache?ca={__file__}", "there is no certificate (PEM) in it"),
    ],
)
def test_what_is_wrong_is_one_line_without_the_password(url: str, line: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        RedisServer.parse(url)
    said = str(refusal.value)
    assert line in said
    assert "\n" not in said
    assert CANARY not in said


def test_a_service_says_it_in_one_line_and_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("redis://:hush/hush@cache\n")
    ended = run("proxy", tmp_path, **WORKING, REDIS_URL_FILE=str(tmp_path / "redis"))
    assert ended.returncode == 2
    assert ended.stderr.startswith("proxy-service cannot start: REDIS_URL: it cannot be read: expected redis://USER")
    assert ended.stderr.count("\n") == 1
    assert CANARY not in ended.stderr


async def test_the_password_is_in_no_text_of_the_settings() -> None:
    given_values: dict[str, Any] = {name.lower(): value for name, value in WORKING.items()}
    read = ProxySettings(_env_file=None, redis_url=SecretStr("redis://:hush@127.0.0.1:1"), **given_values)
    limiter = await read.limiter("proxy")
    await limiter.close()
    assert CANARY not in repr(read) + repr(vars(limiter)) + json.dumps(read.model_dump(mode="json"))
