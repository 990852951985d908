"""Talking to a cat: what it is told, what comes back, and what happens when it misbehaves."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, text
from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from cathouse.identity import KeyUse, derive, issue_service_token, parse_roots
from cathouse.schema import Installation, Interaction, PlayerAlias
from tests.fixtures.activity import interaction
from tests.fixtures.house import PLATFORM_SECRET, House, directly
from tests.fixtures.waiting import until
from tests.proxy.cats import Behaviour, Cat, Home, drip, respond, sleep
from tests.proxy.reports import reported


async def test_the_envelope_says_all_that_a_cat_may_know_and_nothing_else(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    answer = await house.http.post(
        f"{house.urls['proxy']}/api/v1/installations/{installed['id']}/interactions",
        json={"input": {"say": "Grüße 🐈", "n": None}},
        headers={**player.headers, "Cookie": "session=1", "X-Forwarded-For": "1.2.3.4", "User-Agent": "browser"},
    )
    assert answer.json() == {"output": "purr"}
    headers, _ = cat.heard[-1]
    assert set(headers) == {
        "host",
        "content-type",
        "content-length",
        "accept",
        "accept-encoding",
        "cdn-loop",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
    message = cat.message
    assert set(message) == {
        "type",
        "id",
        "created_at",
        "cat",
        "installation",
        "player",
        "permissions",
        "input",
        "callback",
    }
    assert (message["type"], message["id"]) == ("interaction", headers["webhook-id"])
    assert message["cat"] == {"id": installed["cat"]["id"], "version": "1.0.0"}
    assert message["installation"] == {"id": installed["id"], "instance_name": "Misty", "config": {}}
    assert message["input"] == {"say": "Grüße 🐈", "n": None}
    assert message["permissions"] == ["storage"]
    with house.engine.connect() as connection:
        alias = connection.scalar(select(PlayerAlias.alias))
    assert message["player"] == {"id": str(alias), "nickname": None, "timezone": "UTC"}
    everything = json.dumps([headers, message])
    for private in (str(player.id), player.email, player.tokens["access_token"]):
        assert private not in everything
    assert message["callback"]["installation_url"] == house.urls["installation"]
    assert message["callback"]["token"].startswith("chi_")


async def test_the_stock_library_accepts_the_signature_and_no_other_body(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    await house.interact(player, installed, "Hello")
    headers, body = cat.heard[-1]
    webhook = Webhook(house.cat_secrets[installed["cat"]["slug"]])
    webhook.verify(body, headers)
    with pytest.raises(Exception, match="signature"):
        webhook.verify(body.replace(b"Hello", b"Hallo"), headers)


async def test_only_harmless_headers_come_back(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    answer = await house.interact(player, installed, "Hello")
    assert answer.headers["content-language"] == "de"
    assert not {"set-cookie", "x-secret", "server"} & set(answer.headers)


def long_headers(count: int, length: int) -> dict[str, Any]:
    return {f"x_{number}": "x" * length for number in range(count)}


@directly
@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        (respond(500), 502, "cat_failed"),
        (respond(302, location="http://127.0.0.1/"), 502, "cat_failed"),
        (respond(401), 502, "cat_failed"),
        (respond(407), 502, "cat_failed"),
        (respond(content=b"purr"), 502, "malformed_answer"),
        (respond(content=b'{"say": 1}'), 502, "malformed_answer"),
        (respond(content=b"[1]"), 502, "malformed_answer"),
        (respond(content=b'{"output": 1}', content_type="text/html"), 502, "malformed_answer"),
        (respond(content=b'{"output": 1}', content_encoding="gzip"), 502, "malformed_answer"),
        (respond(content=b'{"output": "' + b"x" * (5 * 1024 * 1024) + b'"}'), 502, "answer_too_large"),
        (respond(content=b'{"output": 1}', content_language="é"), 502, "malformed_answer"),
        (respond(content=b'{"output": 1}', **long_headers(50, 700)), 502, "malformed_answer"),
        (respond(content=b'{"output": 1}', **long_headers(101, 1)), 502, "malformed_answer"),
        (sleep, 504, "http_response_timeout"),
        (drip, 504, "http_response_timeout"),
    ],
)
async def test_a_cat_that_misbehaves_gives_a_clear_error(
    house: House, cat: Cat, home: Home, behaviour: Behaviour, status: int, code: str
) -> None:
    player, installed = home
    cat.behaviour = behaviour
    if status == 504:
        with house.engine.begin() as connection:
            connection.execute(text("UPDATE cathouse.releases SET timeout_s = 1"))
    started = time.monotonic()
    answer = await house.interact(player, installed, "Hello", expect=status)
    assert time.monotonic() - started < 5
    assert answer.json()["code"] == code
    assert answer.headers["proxy-status"].startswith("cathouse-proxy; error=")
    seen_status, proxy_error = await reported(house.engine)
    assert (seen_status, f"cathouse-proxy; error={proxy_error}") == (status, answer.headers["proxy-status"])


async def test_other_refusals_of_the_cat_pass_marked_as_its_own(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    cat.behaviour = respond(429, b'{"wait": true}', retry_after="7")
    answer = await house.interact(player, installed, "Hello", expect=429)
    assert answer.json() == {"wait": True}
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["proxy-status"] == "cathouse-proxy; received-status=429"


async def test_a_cat_that_is_down_looks_like_one_that_never_was(house: House, home: Home) -> None:
    player, installed = home
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE cathouse.releases SET endpoint_url = 'http://127.0.0.1:9/'"))
    down = await house.interact(player, installed, "Hello", expect=502)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE cathouse.releases SET endpoint_url = 'https://nobody.example.invalid/'"))
    unknown = await house.interact(player, installed, "Hello", expect=502)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE cathouse.releases SET endpoint_url = 'http://169.254.169.254/latest'"))
    forbidden = await house.interact(player, installed, "Hello", expect=502)
    bodies = [{**each.json(), "request_id": ""} for each in (down, unknown, forbidden)]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["code"] == "destination_unavailable"


async def test_interactions_are_reported_and_nothing_of_what_was_said(house: House, home: Home) -> None:
    player, installed = home
    await house.interact(player, installed, "a-canary-that-must-not-be-kept")
    assert await reported(house.engine) == (200, None)
    with house.engine.connect() as connection:
        assert connection.scalar(select(Installation.last_interaction_at)) is not None
        dump = connection.execute(select(Interaction)).one()
    assert "canary" not in repr(dump)


async def test_reporting_the_same_twice_counts_once_and_strangers_do_not_report(house: House, home: Home) -> None:
    player, installed = home
    path = "/internal/v1/interactions"
    report = interaction(installed)
    gone = {**report, "id": str(uuid.uuid4()), "installation_id": str(uuid.uuid4())}
    body = {"interactions": [report, gone]}
    roots = parse_roots(PLATFORM_SECRET)
    others = issue_service_token(derive(roots, KeyUse.AUTH_TO_INSTALLATION), caller="auth", callee="installation")
    for headers in ({}, player.headers, {"Authorization": f"Bearer {others}"}):
        await house.call("installation", "POST", path, body, headers=headers, expect=401)
    own = issue_service_token(derive(roots, KeyUse.PROXY_TO_INSTALLATION), caller="proxy", callee="installation")
    for _ in range(2):
        headers = {"Authorization": f"Bearer {own}"}
        await house.call("installation", "POST", path, body, headers=headers, expect=204)
    with house.engine.connect() as connection:
        assert [str(each) for each in connection.scalars(select(Interaction.id))] == [report["id"]]


async def test_a_challenge_whose_body_never_ends_is_given_up_in_time(house: House, cat: Cat) -> None:
    developer = await house.register("developer")
    draft = await house.draft(developer, endpoint_url=f"{house.cat_url}/drip", timeout_s=1)
    cat.app.router.routes.append(Route("/drip", drip, methods=["POST"]))
    started = time.monotonic()
    path = f"/api/v1/cats/{draft['id']}/publish"
    answer = await house.call("catalog", "POST", path, person=developer, expect=422)
    assert time.monotonic() - started < 5
    assert answer.json()["cause"] == "The endpoint did not finish its answer within 1 seconds."


async def test_a_client_that_leaves_takes_the_call_with_it(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    asked, gone = asyncio.Event(), asyncio.Event()

    async def wait(request: Request) -> Response:
        asked.set()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()
        return PlainTextResponse("")

    cat.behaviour = wait
    call = asyncio.create_task(
        house.http.post(
            f"{house.urls['proxy']}/api/v1/installations/{installed['id']}/interactions",
            json={"input": 1},
            headers=player.headers,
        )
    )
    await asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(5):  # a third of the exchange's own deadline: only leaving can end it so early
        await gone.wait()


def telling(words: int, *, pause: float, broken: bool = False) -> Behaviour:
    async def behaviour(_request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            for number in range(words):
                yield f"data: {number}\n\n".encode()
                await asyncio.sleep(pause)
            if broken:
                raise OSError("the cat falls off the table")

        return StreamingResponse(events(), media_type="text/event-stream")

    return behaviour


def stream(house: House, home: Home) -> Any:
    player, installed = home
    return house.http.stream(
        "POST",
        f"{house.urls['proxy']}/api/v1/installations/{installed['id']}/interactions",
        json={"input": "Tell"},
        headers={**player.headers, "Accept": "text/event-stream"},
    )


async def test_events_pass_as_they_come_and_as_they_are(house: House, cat: Cat, home: Home) -> None:
    cat.behaviour = telling(4, pause=0.15)
    arrivals: list[float] = []
    received = b""
    async with stream(house, home) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for chunk in answer.aiter_bytes():
            received += chunk
            arrivals.append(time.monotonic())
    assert received == b"".join(f"data: {number}\n\n".encode() for number in range(4))
    assert arrivals[-1] - arrivals[0] > 0.3
    assert cat.heard[-1][0]["accept"] == "text/event-stream"


async def test_a_stream_that_breaks_ends_with_an_error_event(house: House, cat: Cat, home: Home) -> None:
    cat.behaviour = telling(2, pause=0, broken=True)
    async with stream(house, home) as answer:
        received = (await answer.aread()).decode()
    assert received.startswith("data: 0\n\ndata: 1\n\n")
    assert "event: error\ndata: " in received
    assert json.loads(received.rsplit("data: ", 1)[1])["code"] == "malformed_answer"


async def test_a_listener_that_leaves_a_stream_takes_the_call_with_it(house: House, cat: Cat, home: Home) -> None:
    gone = asyncio.Event()

    async def endless(_request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"data: still here\n\n"
                    await asyncio.sleep(0.02)
            finally:
                gone.set()

        return StreamingResponse(events(), media_type="text/event-stream")

    cat.behaviour = endless
    async with stream(house, home) as answer:
        await anext(answer.aiter_bytes())
    async with asyncio.timeout(5):
        await gone.wait()
    assert await reported(house.engine) == (200, "client_left")


async def test_nothing_holds_the_one_connection_while_a_cat_takes_its_time(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    cat.behaviour = telling(100, pause=0.1)
    health = f"{house.urls['proxy']}/health/db"
    async with stream(house, home) as answer:
        await anext(answer.aiter_bytes())
        waiting = asyncio.create_task(house.interact(player, installed, "slow", expect=None))
        await until(lambda: len(cat.heard) == 2)
        pool = (await house.http.get(health)).json()["pool"]
        assert pool == {"size": 1, "max": 1, "in_use": 0, "waiting": 0}
        cat.behaviour = cat.answer
        quick = await asyncio.gather(*(house.interact(player, installed, number) for number in range(3)))
        assert all(each.json() == {"output": "purr"} for each in quick)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@directly
@pytest.mark.parametrize("body", [{}, {"input": 1, "more": 2}, {"input": "a\x00"}, [], "x"])
async def test_what_is_no_interaction_is_refused(house: House, home: Home, body: Any) -> None:
    player, installed = home
    path = f"/api/v1/installations/{installed['id']}/interactions"
    await house.call("proxy", "POST", path, body, person=player, expect=422)
    await house.call("proxy", "POST", path, {"input": 1}, expect=401)
    await house.call(
        "proxy", "POST", f"/api/v1/installations/{uuid.uuid4()}/interactions", {"input": 1}, person=player, expect=404
    )
