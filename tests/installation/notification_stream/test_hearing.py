"""The stream of notifications: who may listen, what is heard at once, and what it costs."""

import asyncio
import json
import time
import uuid
from contextlib import AsyncExitStack
from functools import partial

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from cathouse.database import DatabaseUrl
from installation_service.notifications import streams
from tests.auth.tokens import signer_of
from tests.fixtures.house import House, directly, run_house
from tests.fixtures.relay import relay_to
from tests.fixtures.server import server_url
from tests.fixtures.waiting import until
from tests.installation.notification_stream.listening import STREAM, home_of, listening


async def test_what_a_cat_sends_is_there_at_once_and_as_the_inbox_shows_it(house: House) -> None:
    home, other = await home_of(house), await home_of(house, cats=1)
    async with listening(house, home.player.headers) as listener, listening(house, other.player.headers) as stranger:
        assert listener.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert listener.headers["cache-control"] == "no-store"
        assert listener.headers["x-accel-buffering"] == "no"
        sent = await home.send(0, "Dinner\r\n\r\nevent: x", data={"bowl": [2, None, "ü\u2028🐈"]})
        await listener.hears(1)
        await home.send(1, "Later")
        await listener.hears(2)
        (second, first) = (await house.call("installation", "GET", "/api/v1/notifications", person=home.player)).json()[
            "items"
        ]
        assert [event["event"] for event in listener.events] == ["notification"] * 2
        assert [event["id"] for event in listener.events] == [first["id"], second["id"]]
        assert [json.loads(event["data"]) for event in listener.events] == [first, second]
        assert first == sent
        await other.send(0, "For somebody else")
        await stranger.hears(1)
        assert (stranger.titles, len(listener.events)) == (["For somebody else"], 2)


@directly
async def test_silence_is_filled_with_comments(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "COMMENT_S", 0.1)
    home = await home_of(house, cats=1)
    async with listening(house, home.player.headers) as listener:
        await listener.until(lambda listener: listener.comments >= 3)
        await home.send(0, "Between them")
        await listener.hears(1)


@directly
async def test_who_may_not_listen_is_told_so_in_a_problem(house: House) -> None:
    refused = await house.call("installation", "GET", STREAM, expect=401)
    assert refused.headers["content-type"] == "application/problem+json"
    expired = await signer_of(house)
    now = int(time.time())
    made = expired.sign(expired.header, {**expired.claims, "iat": now - 100, "exp": now - 40})
    headers = {"Authorization": f"Bearer {made}"}
    await house.call("installation", "GET", STREAM, headers=headers, expect=401)


@directly
async def test_a_player_has_so_many_streams_and_one_that_is_left_makes_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_OF_A_PROCESS", streams.MOST_OF_A_PLAYER + 1)
    player, other, third = [await house.register() for _ in range(3)]
    async with AsyncExitStack() as stack:
        logs = stack.enter_context(capture_logs())
        for _ in range(streams.MOST_OF_A_PLAYER - 1):
            await stack.enter_async_context(listening(house, player.headers))
        async with listening(house, player.headers):
            refused = await house.call("installation", "GET", STREAM, person=player, expect=429)
            assert refused.json()["code"] == "too_many_streams"
            assert int(refused.headers["retry-after"]) > 0
            await stack.enter_async_context(listening(house, other.headers))
            await house.call("installation", "GET", STREAM, person=third, expect=429)
        await until(lambda: [line for line in logs if line.get("route") == STREAM and "stream_s" in line])
        await stack.enter_async_context(listening(house, player.headers))
        await house.call("installation", "GET", STREAM, person=player, expect=429)


async def has_no_connection_in_use(house: House) -> bool:
    pool = (await house.call("installation", "GET", "/health/db")).json()["pool"]
    return (pool["in_use"], pool["waiting"]) == (0, 0)


async def test_streams_hold_no_connection_to_the_database(house: House) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(5):
            person = await house.register()
            for _ in range(10):
                await stack.enter_async_context(listening(house, person.headers, since=str(uuid.uuid4())))
        await until(partial(has_no_connection_in_use, house))
        with house.engine.connect() as connection:
            busy = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = 'cathouse_installation_login' AND state <> 'idle'"
            )
            assert connection.scalar(busy) == 0


async def test_an_open_stream_of_a_single_replica_asks_nothing(clean_db: DatabaseUrl) -> None:
    idle_after_s = 1.0
    async with (
        relay_to(server_url()) as relay,
        run_house(clean_db, through=relay.url, db_idle_after=idle_after_s) as house,
    ):
        home = await home_of(house, cats=1)
        async with listening(house, home.player.headers) as listener:
            await asyncio.sleep(idle_after_s + 0.5)
            counted = relay.round_trips.copy()
            assert counted["cathouse_installation_login"] > 0
            await asyncio.sleep(2.5)
            assert relay.round_trips == counted
            await home.send(0, "awake")
            await listener.hears(1)
