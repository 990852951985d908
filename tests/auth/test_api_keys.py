"""API keys: how they are made, kept, listed, exchanged, and how they end."""

import asyncio
import datetime as dt
import hashlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from structlog.testing import capture_logs

from cathouse.database import DatabaseUrl
from cathouse.schema import ApiKey, AuditEvent, User
from tests.fixtures.api_keys import EXCHANGE, KEYS, claims_of, exchange, make_key
from tests.fixtures.clerk import EXCHANGE as CLERK_EXCHANGE
from tests.fixtures.house import House, run_house


@pytest.fixture
async def one_house(clean_db: DatabaseUrl) -> AsyncIterator[House]:
    async with run_house(clean_db) as running:
        yield running


def in_future(**ahead: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(**ahead)).isoformat()


async def test_a_key_is_shown_once_and_kept_as_a_hash(house: House) -> None:
    developer = await house.register("developer")
    made = await make_key(house, developer, "catalog:read", "developer:read", name="  release pipeline ")
    key = made.pop("key")
    assert key.startswith(made["prefix"] + "_")
    assert len(key.removeprefix(made["prefix"] + "_")) >= 43  # 256 bits
    assert (made["name"], made["scopes"]) == ("release pipeline", ["catalog:read", "developer:read"])
    assert (made["expires_at"], made["last_used_at"]) == (None, None)
    listed = await house.call("auth", "GET", KEYS, person=developer)
    assert listed.json() == {"items": [made], "next_cursor": None}
    with house.engine.connect() as connection:
        row = connection.execute(text("SELECT to_jsonb(k) FROM cathouse.api_keys k")).scalar_one()
        assert bytes(connection.scalar(select(ApiKey.hash)) or b"") == hashlib.sha256(key.encode()).digest()
    assert key not in str(row)
    assert key.removeprefix(made["prefix"] + "_") not in str(row)
    token = await exchange(house, key)
    assert token.keys() == {"access_token", "token_type", "expires_in", "scope"}  # no refresh token
    assert (token["expires_in"], token["scope"]) == (600, "catalog:read developer:read")
    claims = claims_of(token["access_token"])
    assert (claims["sub"], claims["amr"], claims["scope"]) == (str(developer.id), ["api_key"], token["scope"])
    assert "sid" not in claims
    assert claims["exp"] - claims["iat"] == 600


async def test_lists_are_paged_and_show_ones_own(one_house: House) -> None:
    house, developer, other = one_house, await one_house.register("developer"), await one_house.register("developer")
    for number in range(5):
        await make_key(house, developer, name=f"key {number}")
    foreign = await make_key(house, other)
    first = (await house.call("auth", "GET", f"{KEYS}?limit=3", person=developer)).json()
    rest = (await house.call("auth", "GET", f"{KEYS}?limit=3&cursor={first['next_cursor']}", person=developer)).json()
    assert [each["name"] for each in first["items"] + rest["items"]] == [f"key {number}" for number in (4, 3, 2, 1, 0)]
    assert rest["next_cursor"] is None
    for key_id in (foreign["id"], uuid.uuid4()):
        refused = await house.call("auth", "DELETE", f"{KEYS}/{key_id}", person=developer, expect=404)
        assert refused.json()["code"] == "api_key_not_found"
    await exchange(house, foreign["key"])


async def test_players_have_no_keys(one_house: House) -> None:
    player = await one_house.register()
    for method, path, body in (
        ("GET", KEYS, None),
        ("POST", KEYS, {"name": "x", "scopes": ["catalog:read"]}),
        ("DELETE", f"{KEYS}/{uuid.uuid4()}", None),
    ):
        refused = await one_house.call("auth", method, path, body, person=player, expect=403)
        assert (refused.json()["code"], refused.json()["role"]) == ("role_required", "developer")
        await one_house.call("auth", method, path, body, expect=401)


async def test_what_is_wrong_with_a_key_is_said(one_house: House) -> None:
    developer = await one_house.register("developer")
    good = {"name": "x", "scopes": ["catalog:read"]}
    wrong: list[dict[str, Any]] = [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 81},
        {"name": "a\x00"},
        {"scopes": []},
        {"scopes": ["catalog:admin"]},
        {"scopes": ["catalog:read", "catalog:read"]},
        {"scopes": None},
        {"expires_at": in_future(seconds=-1)},
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"expires_at": "0001-01-01T00:00:00+14:00"},
        {"expires_at": "9999-12-31T23:59:59-12:00"},  # not a year that Python knows, in UTC
        {"expires_at": "2099-01-01T00:00:00"},  # of which zone?
        {"role": "admin"},
        {"user_id": str(uuid.uuid4())},
    ]
    for changes in wrong:
        refused = await one_house.call("auth", "POST", KEYS, {**good, **changes}, person=developer, expect=422)
        assert refused.json()["code"] == "validation_failed", changes
    made = await make_key(one_house, developer, expires_at="9999-12-31T23:59:59+00:00")
    assert made["expires_at"] == "9999-12-31T23:59:59Z"
    assert (await exchange(one_house, made["key"]))["expires_in"] == 600


async def test_a_key_ends_with_its_time_and_no_token_outlives_it(one_house: House) -> None:
    house, developer = one_house, await one_house.register("developer")
    made = await make_key(house, developer, expires_at=in_future(seconds=90))
    token = await exchange(house, made["key"])
    ends = dt.datetime.fromisoformat(made["expires_at"]).timestamp()
    assert claims_of(token["access_token"])["exp"] <= ends
    assert 60 < token["expires_in"] <= 90

    def ends_in(interval: str) -> None:
        with house.engine.begin() as connection:
            connection.execute(
                text("UPDATE cathouse.api_keys SET last_used_at = NULL, expires_at = now() + cast(:i AS interval)"),
                {"i": interval},
            )

    for interval in ("-1 second", "0 seconds", "0.5 seconds"):  # a token lives a second at least
        ends_in(interval)
        assert (await exchange(house, made["key"], expect=401))["code"] == "api_key_invalid"
    ends_in("-1 second")
    await exchange(house, made["key"], expect=401)
    with house.engine.connect() as connection:
        assert connection.scalar(select(ApiKey.last_used_at)) is None  # a use that was refused is none


async def test_a_removed_key_and_a_key_of_nobody_open_nothing(one_house: House) -> None:
    house, developer = one_house, await one_house.register("developer")
    made = await make_key(house, developer)
    await house.call("auth", "DELETE", f"{KEYS}/{made['id']}", person=developer, expect=204)
    await house.call("auth", "DELETE", f"{KEYS}/{made['id']}", person=developer, expect=404)
    unknown = made["prefix"] + "_" + "a" * 43
    for key in (made["key"], unknown, made["prefix"], "x", "é", "a" * 4096, f" {made['key']}"):
        answer = await house.call("auth", "POST", EXCHANGE, {"api_key": key}, expect=401)
        assert answer.json()["code"] == "api_key_invalid"
        assert "Bearer" in answer.headers["www-authenticate"]
    for body in ({"api_key": ""}, {"api_key": None}, {"api_key": "\x00"}, {"api_key": "a" * 4097}, {}):
        await house.call("auth", "POST", EXCHANGE, body, expect=422)
    with house.engine.connect() as connection:
        actions = connection.scalars(select(AuditEvent.action).where(AuditEvent.action.startswith("api_key"))).all()
    assert sorted(actions) == ["api_key.created", "api_key.removed"]


async def test_a_key_works_while_its_owner_is_an_active_developer(one_house: House) -> None:
    house, developer = one_house, await one_house.register("developer")
    key = (await make_key(house, developer))["key"]
    for lost, given in (
        ({"role": "player"}, {"role": "developer"}),
        ({"is_active": False}, {"is_active": True}),
    ):
        for values, status in ((lost, 401), (given, 200)):
            with house.engine.begin() as connection:
                connection.execute(update(User).where(User.id == developer.id).values(**values))
            told = await exchange(house, key, expect=status)
            assert told.get("code") == (None if status == 200 else "api_key_invalid")


async def test_nobody_has_more_than_fifty_also_when_all_are_made_at_once(house: House) -> None:
    developer = await house.register("developer")
    body = {"name": "x", "scopes": ["catalog:read"]}
    answers = await asyncio.gather(
        *(house.call("auth", "POST", KEYS, body, person=developer, expect=None) for _ in range(60))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 50 + [409] * 10
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "too_many_api_keys"
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(ApiKey)) == 50
        assert connection.scalar(select(func.count(ApiKey.prefix.distinct()))) == 50
    one = next(answer for answer in answers if answer.status_code == 201).json()
    await house.call("auth", "DELETE", f"{KEYS}/{one['id']}", person=developer, expect=204)
    await make_key(house, developer)
    await make_key(house, developer, expect=409)
    await make_key(house, await house.register("developer"))  # everybody has fifty of their own


async def test_a_keys_use_is_written_down_once_a_minute(house: House) -> None:
    developer = await house.register("developer")
    key = (await make_key(house, developer))["key"]

    def last_used_at() -> dt.datetime:
        with house.engine.connect() as connection:
            moment: dt.datetime | None = connection.scalar(select(ApiKey.last_used_at))
        assert moment is not None
        return moment

    await asyncio.gather(*(exchange(house, key) for _ in range(5)))
    first = last_used_at()
    for _ in range(3):
        await exchange(house, key)
    assert last_used_at() == first
    with house.engine.begin() as connection:
        connection.execute(update(ApiKey).values(last_used_at=first - dt.timedelta(seconds=61)))
    await exchange(house, key)
    assert last_used_at() > first
    (listed,) = (await house.call("auth", "GET", KEYS, person=developer)).json()["items"]
    assert dt.datetime.fromisoformat(listed["last_used_at"]) == last_used_at()


async def test_neither_log_nor_audit_nor_answer_holds_a_key(
    one_house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    house, developer = one_house, await one_house.register("developer")
    with capture_logs() as logs:
        made = await make_key(house, developer)
        secret = made["key"].removeprefix(made["prefix"] + "_")
        await exchange(house, made["key"])
        refusals = [
            await house.call("auth", "POST", EXCHANGE, body, expect=status)
            for body, status in (
                ({"api_key": made["key"] + "x"}, 401),
                ({"api_key": [made["key"]]}, 422),
                ({"api_key": made["key"], made["key"]: 1}, 422),
                ({"api_key": made["key"] * 90}, 422),
            )
        ]
        await house.call(
            "auth", "GET", "/api/v1/users/me", headers={"Authorization": f"Bearer {made['key']}"}, expect=401
        )
        await house.call("auth", "DELETE", f"{KEYS}/{made['id']}", person=developer, expect=204)
    written = capfd.readouterr()
    with house.engine.connect() as connection:
        audited = connection.execute(text("SELECT to_jsonb(e) FROM cathouse.audit_events e")).scalars().all()
    assert any(event["action"] == "api_key.created" for event in audited)
    digest = hashlib.sha256(made["key"].encode()).digest()
    for needle in (secret, digest.hex(), str(digest)):
        for place in (
            logs,
            audited,
            written.out,
            written.err,
            [answer.text for answer in refusals[:2]],
            refusals[3].text,
        ):
            assert needle not in str(place)


async def test_a_key_is_no_access_token_and_an_access_token_no_key(one_house: House) -> None:
    house, developer = one_house, await one_house.register("developer")
    key = (await make_key(house, developer, "catalog:write"))["key"]
    scoped = (await exchange(house, key))["access_token"]
    headers = {"Authorization": f"Bearer {key}"}
    for service, method, path in (
        ("auth", "GET", "/api/v1/users/me"),
        ("catalog", "GET", "/api/v1/cats?mine=true"),
        ("catalog", "GET", "/api/v1/cats"),
        ("installation", "GET", "/api/v1/installations"),
        ("proxy", "POST", f"/api/v1/installations/{uuid.uuid4()}/interactions"),
    ):
        refused = await house.call(service, method, path, headers=headers, expect=401)
        assert refused.json()["code"] == "invalid_token"
    for token in (scoped, developer.tokens["access_token"], developer.tokens["refresh_token"]):
        assert (await exchange(house, token, expect=401))["code"] == "api_key_invalid"
    body = {"refresh_token": key}
    await house.call("auth", "POST", "/api/v1/auth/refresh", body, expect=401)


@pytest.mark.parametrize(
    ("path", "body", "status"), [(EXCHANGE, {"api_key": "chk_x"}, 401), (CLERK_EXCHANGE, {"token": "x"}, 503)]
)
async def test_exchanges_are_counted_as_log_ins_by_address(
    clean_db: DatabaseUrl, path: str, body: dict[str, str], status: int
) -> None:
    async with run_house(clean_db, trusted_proxies="127.0.0.1", limit_logins="3/minute") as house:
        for client, expected in (("203.0.113.1", [status] * 3 + [429, 429]), ("203.0.113.2", [status])):
            headers = {"X-Forwarded-For": client}
            answers = [await house.call("auth", "POST", path, body, headers=headers, expect=None) for _ in expected]
            assert [answer.status_code for answer in answers] == expected
            if expected[-1] == 429:
                assert answers[-1].json()["code"] == "rate_limited"
                assert int(answers[-1].headers["retry-after"]) > 0
