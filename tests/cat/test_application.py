"""The ASGI application of cathouse.cat, alone: what it answers, and what it keeps quiet about."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from cathouse.cat import Cat, Event, House, InstallationMessage, NotActiveError, Refusal, events
from cathouse.cat.asgi import LARGEST_BODY
from tests.cat.envelopes import OTHER_SECRET, SECRET, Request, sign, signed
from tests.fixtures.serving import serve

STREAM = {"accept": "text/event-stream"}


@pytest.fixture
def cat() -> Cat:
    return Cat(SECRET)


@pytest.fixture
async def http(cat: Cat) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cat), base_url="http://cat") as client:
        yield client


async def send(http: httpx.AsyncClient, request: Request, **headers: str) -> httpx.Response:
    sent, body = request
    return await http.post("/", content=body, headers={**sent, **headers})


async def test_challenges_and_pings_are_answered_without_a_handler(http: httpx.AsyncClient) -> None:
    assert (await send(http, signed("challenge", challenge="ü?"))).json() == {"challenge": "ü?"}
    assert (await send(http, signed("ping"))).status_code == 200


async def test_what_a_handler_returns_is_the_output(cat: Cat, http: httpx.AsyncClient) -> None:
    @cat.interaction
    async def answer(message: InstallationMessage, _house: House) -> object:
        return {"heard": message.input}

    answered = await send(http, signed("interaction", input=["ü", None]))
    assert answered.json() == {"output": {"heard": ["ü", None]}}
    assert answered.headers["content-type"] == "application/json"
    wanting_events = await send(http, signed("interaction", input=1), **STREAM)
    assert wanting_events.json() == {"output": {"heard": 1}}


async def test_requests_that_are_not_cat_houses_are_refused_as_json(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cathouse.cat")
    answers = {
        "no signature": await http.post("/", content=b"{}"),
        "another secret": await send(http, signed("ping", secrets=[OTHER_SECRET])),
        "no message": await send(http, sign("msg_1", b"[]")),
        "GET": await http.get("/"),
        "too large": await http.post("/", content=b"x" * (LARGEST_BODY + 1)),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "no signature": 400,
        "another secret": 400,
        "no message": 400,
        "GET": 405,
        "too large": 413,
    }
    assert all(set(answer.json()) == {"error"} for answer in answers.values())
    assert answers["GET"].headers["allow"] == "POST"
    assert "Missing required headers" in caplog.text
    assert SECRET not in caplog.text


async def test_a_mebibyte_may_be_said(cat: Cat, http: httpx.AsyncClient) -> None:
    @cat.interaction
    async def answer(message: InstallationMessage, _house: House) -> int:
        return len(message.input)

    assert (await send(http, signed("interaction", input="x" * 1024 * 1024))).json() == {"output": 1024 * 1024}


async def test_a_handler_refuses_with_a_status_of_its_own(cat: Cat, http: httpx.AsyncClient) -> None:
    @cat.interaction
    async def answer(_message: InstallationMessage, _house: House) -> object:
        raise Refusal(422, "Name a city.")

    @cat.stream
    async def tell(_message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
        raise Refusal(409, "Not now.")
        yield Event(1)

    @cat.on("installation.paused")
    async def pause(_message: InstallationMessage, _house: House) -> None:
        raise Refusal(410, "No more.")

    refused = await send(http, signed("interaction", input=""))
    assert (refused.status_code, refused.json()) == (422, {"error": "Name a city."})
    assert (await send(http, signed("interaction", input=""), **STREAM)).status_code == 409
    assert (await send(http, signed("installation.paused"))).status_code == 410
    with pytest.raises(ValueError, match="400 to 499"):
        Refusal(500, "No.")


async def test_a_handler_that_fails_is_logged_without_what_was_said(
    cat: Cat, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    @cat.interaction
    async def answer(message: InstallationMessage, house: House) -> object:
        if message.input == "call":
            await house.notify("a", "b")
        if message.input == "unsayable":
            return float("nan")
        raise KeyError(message.input)

    @cat.on("installation.created")
    async def created(message: InstallationMessage, _house: House) -> None:
        raise RuntimeError(message.installation.instance_name)

    for request in (
        signed("interaction", input="my diary"),
        signed("interaction", input="call"),
        signed("interaction", input="unsayable"),
        signed("installation.created"),
    ):
        answered = await send(http, request)
        assert (answered.status_code, answered.json()) == (500, {"error": "The cat failed."})
    assert "KeyError" in caplog.text
    assert "in answer" in caplog.text
    assert "installation_not_active" in caplog.text
    assert "my diary" not in caplog.text
    assert "Misty" not in caplog.text


async def test_events_are_handed_to_their_handler_and_the_others_acknowledged(
    cat: Cat, http: httpx.AsyncClient
) -> None:
    heard: list[str] = []

    @cat.on("installation.created", "installation.groomed")
    async def hear(message: InstallationMessage, house: House) -> None:
        heard.append(message.id)
        with pytest.raises(NotActiveError):
            await house.installation()

    first = signed("installation.created")
    for request in (first, first, signed("installation.groomed"), signed("installation.paused"), signed("house.moved")):
        assert (await send(http, request)).status_code == 204
    assert heard[0] == heard[1] == first[0]["webhook-id"]
    assert len(heard) == 3
    assert (await send(http, sign("msg_1", PLATFORM_MESSAGE))).status_code == 204


PLATFORM_MESSAGE = json.dumps(
    {
        "type": "house.moved",
        "id": "msg_1",
        "created_at": "2026-11-25T16:00:00Z",
        "cat": {"id": "6d1c7f0a-2f0b-4a53-8f3e-0d5f7a9b2c11", "version": "1.0.0"},
    }
).encode()


def test_handlers_of_the_wrong_kind_are_told_at_once(cat: Cat) -> None:
    async def events_of(_message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
        yield Event(1)

    async def value_of(_message: InstallationMessage, _house: House) -> int:
        return 1

    with pytest.raises(TypeError, match="stream"):
        cat.interaction(events_of)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="interaction"):
        cat.stream(value_of)  # type: ignore[type-var]
    for types in ((), ("interaction",), ("ping",)):
        with pytest.raises(ValueError, match="name events"):
            cat.on(*types)


async def test_events_are_sent_as_server_sent_events_and_listed_where_none_are_wanted(
    cat: Cat, http: httpx.AsyncClient
) -> None:
    @cat.stream
    async def tell(message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
        yield Event("two\nlines", event="word", id="7")
        yield Event({"ü": message.input})

    streamed = await send(http, signed("interaction", input=1), **STREAM)
    assert streamed.headers["content-type"] == "text/event-stream"
    assert streamed.text == 'id: 7\nevent: word\ndata: "two\\nlines"\n\ndata: {"ü": 1}\n\n'
    assert (await send(http, signed("interaction", input=1))).json() == {"output": ["two\nlines", {"ü": 1}]}
    for broken in ({"event": "a\nb"}, {"id": "a\rb"}, {"id": "\0"}):
        with pytest.raises(ValueError, match="one line"):
            Event(1, **broken)


async def test_a_cat_without_handlers_for_players_says_so(http: httpx.AsyncClient) -> None:
    assert (await send(http, signed("interaction", input=1))).status_code == 404


async def test_a_stream_that_fails_says_so_as_cat_house_does(
    cat: Cat, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    @cat.stream
    async def tell(message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
        if message.input == "late":
            yield Event(1)
        raise KeyError(message.input)

    assert (await send(http, signed("interaction", input="early"), **STREAM)).status_code == 500
    late = await send(http, signed("interaction", input="late"), **STREAM)
    assert late.text.startswith('data: 1\n\nevent: error\ndata: {"code": "cat_failed"')
    assert "early" not in caplog.text
    assert "'late'" not in caplog.text


async def test_when_the_player_leaves_the_generator_is_closed(cat: Cat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUIET_S", 0.05)
    closed = asyncio.Event()

    @cat.stream
    async def tell(_message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
        try:
            async with asyncio.timeout(20):  # one task runs it from its first event to its last
                yield Event(1)
                await asyncio.sleep(30)
        finally:
            closed.set()

    headers, body = signed("interaction", input="")
    async with serve(cat) as url, httpx.AsyncClient(trust_env=False) as http:
        async with http.stream("POST", url, content=body, headers={**headers, **STREAM}) as answer:
            lines = answer.aiter_lines()
            assert [await anext(lines) for _ in range(3)] == ["data: 1", "", ":"]
            assert not closed.is_set()
        await asyncio.wait_for(closed.wait(), 2)


async def test_silence_before_the_first_event_is_filled(cat: Cat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUIET_S", 0.02)

    @cat.stream
    async def tell(_message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
        await asyncio.sleep(0.1)
        yield Event(1)

    headers, body = signed("interaction", input="")
    async with serve(cat) as url, httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(url, content=body, headers={**headers, **STREAM})
    assert answer.text.startswith(":\n\n")
    assert answer.text.endswith("data: 1\n\n")


async def test_a_mounted_cat_closes_its_connections_with_the_application(cat: Cat) -> None:
    @cat.on("installation.created")
    async def created(_message: InstallationMessage, _house: House) -> None:
        pass

    async with serve(Starlette(routes=[Mount("/misty", cat)], lifespan=cat.lifespan)) as url:
        headers, body = signed("installation.created")
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.post(f"{url}/misty/", content=body, headers=headers)).status_code == 204
        client = cat._own
        assert client is not None
        assert not client.is_closed
    assert client.is_closed


async def test_a_web_socket_is_refused(cat: Cat) -> None:
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def take(message: object) -> None:
        sent.append(message)

    await cat({"type": "websocket"}, receive, take)
    assert sent == [{"type": "websocket.close", "code": 1000}]
