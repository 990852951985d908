"""Load shedding: who is refused, who is not, and that nobody keeps a place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from cathouse.web.limits.shedding import SheddingMiddleware, wait_for_others
from cathouse.web.observing.watchers import ALWAYS_ANSWERED
from tests.fixtures.serving import serve
from tests.fixtures.waiting import until

MOST = 3


@dataclass
class Scene:
    """A service in which a request takes until the test says so."""

    shedding: SheddingMiddleware
    http: httpx.AsyncClient
    go_on: asyncio.Event
    begun: list[str]
    open: list[asyncio.Task[httpx.Response]] = field(default_factory=list)

    async def begin(self, path: str, count: int = 1) -> None:
        """Have ``count`` more requests under way."""
        wanted = len(self.begun) + count
        self.open += [asyncio.create_task(self.http.get(path)) for _ in range(count)]
        await self.until_begun(wanted)

    async def until_begun(self, count: int) -> None:
        """Wait for that many requests, all told."""
        await until(lambda: len(self.begun) >= count)

    async def answers(self) -> list[int]:
        """Let all go on; their status codes."""
        self.go_on.set()
        return [answer.status_code for answer in await asyncio.gather(*self.open)]

    @property
    def taken(self) -> tuple[int, int]:
        """Places of requests from outside, and of the other services."""
        return self.shedding._outside.taken, self.shedding._internal.taken


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    go_on = asyncio.Event()
    begun: list[str] = []

    async def wait(request: Request) -> Response:
        begun.append(request.url.path)
        await go_on.wait()
        return PlainTextResponse("done")

    async def ask(request: Request) -> Response:
        come_back = wait_for_others()
        try:
            return await wait(request)
        finally:
            come_back()

    async def fail(request: Request) -> Response:
        raise RuntimeError("nobody expects this")

    async def take(request: Request) -> Response:
        begun.append(request.url.path)
        return PlainTextResponse(str(len(await request.body())))

    async def stream(request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            yield b": hello\n\n"
            begun.append(request.url.path)
            await go_on.wait()

        return StreamingResponse(events(), media_type="text/event-stream")

    class Passed(StreamingResponse):
        """A stream of somebody else's, who is waited for as long as it lasts."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            come_back = wait_for_others()
            try:
                await super().__call__(scope, receive, send)
            finally:
                come_back()

    async def pass_on(request: Request) -> Response:
        own = await stream(request)
        assert isinstance(own, StreamingResponse)
        return Passed(own.body_iterator, media_type=own.media_type)

    routes = [Route(path, wait) for path in ("/wait", "/internal/wait")]
    routes += [
        Route("/ask", ask),
        Route("/fail", fail),
        Route("/take", take, methods=["POST"]),
        Route("/stream", stream),
        Route("/passed", pass_on),
    ]
    routes += [Route(path, lambda _: PlainTextResponse("well")) for path in ALWAYS_ANSWERED]
    shedding = SheddingMiddleware(Starlette(routes=routes), most=MOST)
    async with serve(shedding) as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as http:
        place = Scene(shedding, http, go_on, begun)
        yield place
        go_on.set()
        await asyncio.gather(*place.open, return_exceptions=True)
        assert place.taken == (0, 0)


async def test_what_comes_on_top_is_refused_and_the_rest_is_answered() -> None:
    async with scene() as place:
        await place.begin("/wait", MOST)
        refused = await place.http.get("/wait")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"
        assert await place.answers() == [200] * MOST
        assert (await place.http.get("/wait")).status_code == 200


@pytest.mark.parametrize("path", sorted(ALWAYS_ANSWERED))
async def test_who_watches_is_answered_and_takes_no_place(path: str) -> None:
    async with scene() as place:
        await place.begin("/wait", MOST)
        assert (await place.http.get(path)).status_code == 200
        assert place.taken == (MOST, 0)


async def test_the_other_services_have_as_much_room_of_their_own() -> None:
    async with scene() as place:
        await place.begin("/wait", MOST)
        await place.begin("/internal/wait", MOST)
        assert (await place.http.get("/internal/wait")).status_code == 503
        assert await place.answers() == [200] * (2 * MOST)


@pytest.mark.parametrize("path", ["/stream", "/passed"])
async def test_a_stream_that_has_begun_takes_no_place(path: str) -> None:
    async with scene() as place:
        for _ in range(2 * MOST):
            await place.begin(path)
        assert place.taken == (0, 0)
        await place.begin("/wait", MOST)
        assert (await place.http.get(path)).status_code == 503
        assert set(await place.answers()) == {200}


async def test_who_waits_for_others_takes_no_place() -> None:
    async with scene() as place:
        for _ in range(2 * MOST):
            await place.begin("/ask")
        assert place.taken == (0, 0)
        await place.begin("/wait", MOST)
        assert (await place.http.get("/ask")).status_code == 503
        assert set(await place.answers()) == {200}


def test_outside_of_a_request_nobody_is_in_the_way() -> None:
    come_back = wait_for_others()
    come_back()


async def test_a_request_that_breaks_down_gives_its_place_back() -> None:
    async with scene() as place:
        for _ in range(MOST + 1):
            assert (await place.http.get("/fail")).status_code == 500


async def send_head(place: Scene, length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Announce a body, and send nothing of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(str(place.http.base_url)).port)
    writer.write(b"POST /take HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % length)
    return reader, writer


async def test_a_refusal_does_not_wait_for_the_body() -> None:
    async with scene() as place:
        await place.begin("/wait", MOST)
        reader, writer = await send_head(place, 1000)
        async with asyncio.timeout(5):
            assert (await reader.readline()).split()[1] == b"503"
        writer.close()


async def test_who_sends_slowly_takes_no_place_until_the_body_is_there() -> None:
    async with scene() as place:
        connections = [await send_head(place, 4) for _ in range(MOST + 2)]
        await place.until_begun(len(connections))
        assert place.taken == (0, 0)
        for _, writer in connections[1:]:
            writer.write(b"meow")
        for reader, _ in connections[1:]:
            assert (await reader.readline()).split()[1] == b"200"
        for _, writer in connections:
            writer.close()


async def test_who_leaves_before_the_body_is_there_leaves_nothing() -> None:
    async with scene() as place:
        _, writer = await send_head(place, 4)
        await place.until_begun(1)
        writer.close()
        assert (await place.http.post("/take", content=b"meow")).text == "4"


async def test_the_log_tells_once_that_it_is_too_much() -> None:
    async with scene() as place:
        await place.begin("/wait", MOST)
        with capture_logs() as told:
            for _ in range(5):
                await place.http.get("/wait")
        assert [entry for entry in told if entry["event"] == "service.overloaded"] == [
            {"event": "service.overloaded", "log_level": "warning", "most_requests_under_way": MOST}
        ]
