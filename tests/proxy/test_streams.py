"""Streams from cats to players: as they come, for as long as they may, and at no cost to anybody else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cathouse.database import DatabaseUrl
from cathouse.schema import Interaction
from proxy_service.interactions import replies, routes, service
from tests.fixtures.house import House, create_service, directly, settings_for
from tests.fixtures.serving import serve
from tests.fixtures.waiting import until
from tests.proxy.cats import Behaviour, Cat, Home, inhabited
from tests.proxy.reports import reported

MANY = 200


def saying(*events: bytes, then_wait_s: float = 0) -> Behaviour:
    async def behaviour(_request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for event in events:
                yield event
            await asyncio.sleep(then_wait_s)

        return StreamingResponse(body(), media_type="text/event-stream")

    return behaviour


@asynccontextmanager
async def stream(house: House, home: Home) -> AsyncIterator[httpx.Response]:
    player, installed = home
    path = f"{house.urls['proxy']}/api/v1/installations/{installed['id']}/interactions"
    headers = {**player.headers, "Accept": "text/event-stream"}
    async with house.http.stream("POST", path, json={"input": 1}, headers=headers) as answer:
        yield answer


def last_event(received: bytes) -> dict[str, Any]:
    *_, last = received.decode().strip().split("\n\n")
    kind, data = last.splitlines()
    assert kind == "event: error"
    said: dict[str, Any] = json.loads(data.removeprefix("data: "))
    return said


@directly
async def test_every_byte_of_an_event_arrives_as_it_was(house: House, cat: Cat, home: Home) -> None:
    odd = ": a comment\r\nretry: 5\rid: \x00\nevent: größe\ndata:  two spaces\ndata:\n\n".encode()
    cat.behaviour = saying(odd[:7], odd[7:31], odd[31:], b"data: not ended")
    async with stream(house, home) as answer:
        received = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    assert received == odd + b"data: not ended"
    assert await reported(house.engine) == (200, None)


@directly
@pytest.mark.parametrize(("name", "seconds"), [("STREAM_IDLE_S", 0.2), ("STREAM_TOTAL_S", 0.3)])
async def test_a_cat_that_falls_silent_or_never_ends_is_cut_off(
    house: House, cat: Cat, home: Home, monkeypatch: pytest.MonkeyPatch, name: str, seconds: float
) -> None:
    monkeypatch.setattr(replies, name, seconds)

    async def chattering(_request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            while True:
                yield b"data: 1\n\n"
                await asyncio.sleep(0.05)

        return StreamingResponse(body(), media_type="text/event-stream")

    cat.behaviour = saying(b"data: 1\n\n", then_wait_s=30) if name == "STREAM_IDLE_S" else chattering
    started = asyncio.get_running_loop().time()
    async with stream(house, home) as answer:
        received = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert seconds <= asyncio.get_running_loop().time() - started < seconds + 2
    said = last_event(received)
    assert said["code"] == "http_response_timeout"
    missed = "sent nothing more" if name == "STREAM_IDLE_S" else "did not finish its answer"
    assert said["detail"] == f"The endpoint {missed} within {seconds:g} seconds."
    assert await reported(house.engine) == (200, "http_response_timeout")


async def test_hundreds_of_open_streams_hold_no_connection_to_the_database(
    clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("MOST_FOR_INSTALLATION", "MOST_FOR_CAT"):
        monkeypatch.setattr(service, limit, MANY)
    async with inhabited(clean_db, limit_interactions="off") as (house, cat, home):
        cat.behaviour = saying(b"data: 1\n\n", then_wait_s=30)
        async with (
            AsyncExitStack() as stack,
            httpx.AsyncClient(limits=httpx.Limits(max_connections=None), trust_env=False, timeout=30) as http,
        ):
            house.http, plain = http, house.http
            opened = []
            for _ in range(MANY):
                answer = await stack.enter_async_context(stream(house, home))
                chunks = answer.aiter_raw()
                opened.append(chunks)  # one that is forgotten is closed
                assert await anext(chunks) == b"data: 1\n\n"
            house.http = plain
            pool = (await plain.get(f"{house.urls['proxy']}/health/db")).json()["pool"]
            assert (pool["max"], pool["in_use"], pool["waiting"]) == (1, 0, 0)
            neighbour = await house.install(home[0], home[1]["cat"], instance_name="Fluff")
            assert (await house.interact(home[0], neighbour, 1, expect=503)).json()["code"] == "cat_busy"

        def reports() -> int:
            with house.engine.connect() as connection:
                return len(connection.execute(select(Interaction.id)).all())

        await until(lambda: reports() == MANY)


@directly
async def test_no_more_is_taken_from_a_cat_than_its_listener_reads(house: House, cat: Cat, home: Home) -> None:
    """What a cat may say at once into nobody's ears is what the sockets on the way and one buffer hold."""
    said = 0

    async def endless(_request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            nonlocal said
            while True:
                yield b"data: " + b"x" * 65_000 + b"\n\n"
                await asyncio.sleep(0)  # when nobody is there any more nothing else lets others run
                said += 65_008

        return StreamingResponse(body(), media_type="text/event-stream")

    cat.behaviour = endless
    async with stream(house, home) as answer:
        chunks = answer.aiter_raw()
        await anext(chunks)
        before = -1
        while before != said:  # until it says no more
            before = said
            await asyncio.sleep(0.3)
        assert said < 32 * 1024 * 1024
        stuck_at = said
        for _ in range(400):
            await anext(chunks)
        await until(lambda: said > stuck_at)


@directly
async def test_a_listener_who_does_not_read_is_left_in_the_end(
    house: House, cat: Cat, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "STREAM_TOTAL_S", 0.3)
    monkeypatch.setattr(routes, "FAREWELL_S", 0.2)

    async def endless(_request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            while True:
                yield b"data: " + b"x" * 65_000 + b"\n\n"
                await asyncio.sleep(0)  # when nobody is there any more nothing else lets others run

        return StreamingResponse(body(), media_type="text/event-stream")

    cat.behaviour = endless
    async with stream(house, home) as answer:
        assert answer.status_code == 200
        assert await reported(house.engine) == (200, "client_left")


@directly
async def test_at_shutdown_an_open_stream_is_told_and_reported(
    house: House, cat: Cat, home: Home, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "ENDING_GRACE_S", 0.1)
    ports = {name: int(url.rsplit(":", 1)[1]) for name, url in house.urls.items()}
    cat.behaviour = saying(b"data: 1\n\n", then_wait_s=30)
    received = bytearray()
    async with AsyncExitStack() as stack:
        async with serve(create_service("proxy", settings_for("proxy", clean_db, ports))) as url:
            house.urls["proxy"] = url
            answer = await stack.enter_async_context(stream(house, home))
            chunks = answer.aiter_raw()
            received += await anext(chunks)
        # It has ended, in its usual way.
        async for chunk in chunks:
            received += chunk
    assert last_event(bytes(received))["code"] == "service_restarting"
    assert await reported(house.engine) == (200, "proxy_internal_error")
