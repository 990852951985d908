"""Kept connections: for one cat and one origin, for a moment, and only when nothing is left of what went over them."""

import asyncio
import contextlib
import socket
import time

import pytest

from proxy_service.egress import connection
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.connection import KEPT_FOR_S
from proxy_service.egress.errors import (
    EgressError,
    MalformedAnswerError,
)
from proxy_service.egress.phases import Phases
from tests.proxy.hostile import (
    AT_ONCE_S,
    BODY,
    CHUNKED,
    FINE,
    OK,
    OTHER_OWNER,
    OWNER,
    Behaviour,
    Visit,
    ask,
    asking,
    at_once,
    clients_of,
    hostile,
    none_left,
    says,
)

pytestmark = pytest.mark.usefixtures("kept_long")


async def test_a_cat_keeps_its_connection_and_never_shares_it(client: OutsideClient) -> None:
    async with hostile(says(FINE)) as server:
        for _ in range(3):
            await ask(client, asking(server.url))
        assert server.connections == 1
        for _ in range(3):
            await ask(client, asking(server.url, owner=OTHER_OWNER))
        assert server.connections == 2
        await ask(client, asking(f"{server.url}another/path?x=1", owner=OWNER))
        assert (server.connections, clients_of(server.port)) == (2, 2)


async def test_the_same_machine_by_another_name_is_another_place(client: OutsideClient) -> None:
    async with hostile(says(FINE)) as server:
        await ask(client, asking(server.url))
        await ask(client, asking(server.url.replace("127.0.0.1", "localhost")))
        assert server.connections == 2


async def test_calls_at_the_same_time_have_a_connection_each(client: OutsideClient) -> None:
    async with hostile(says(FINE, every_s=0.05)) as server:
        await asyncio.gather(*(ask(client, asking(server.url)) for _ in range(5)))
        assert server.connections == 5
        await asyncio.gather(*(ask(client, asking(server.url)) for _ in range(5)))
        assert server.connections == 5


async def test_an_idle_connection_is_closed_after_a_moment(
    client: OutsideClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEPT_FOR_S == 1
    monkeypatch.setattr(connection, "KEPT_FOR_S", 0.1)
    async with hostile(says(FINE)) as server:
        await ask(client, asking(server.url))
        assert clients_of(server.port) == 1
        await server.until_left()
        await at_once(lambda: not client._connections._idle)
        assert not client._connections._by_origin
        await ask(client, asking(server.url))
        assert server.connections == 2


async def test_so_many_idle_connections_are_kept_and_no_more(
    client: OutsideClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_KEPT", 2)
    async with hostile(says(FINE)) as first, hostile(says(FINE)) as second, hostile(says(FINE)) as third:
        for server in (first, second, third):
            await ask(client, asking(server.url))
        await first.until_left()
        assert (clients_of(second.port), clients_of(third.port)) == (1, 1)


async def test_who_measures_a_call_measures_a_new_connection(client: OutsideClient) -> None:
    async with hostile(says(FINE)) as server:
        await ask(client, asking(server.url))
        phases = Phases()
        async with client.call(asking(server.url), timeout_s=1, phases=phases) as answer:
            await answer.read()
        assert server.connections == 2
    assert None not in (phases.lookup, phases.connect, phases.first_byte)
    assert phases.tls is None


async def test_a_connection_on_which_something_comes_unasked_is_dropped(client: OutsideClient) -> None:
    async def speaks_later(visit: Visit) -> None:
        await visit.request()
        await visit.send(FINE)
        await asyncio.sleep(0.05)
        await visit.send(FINE)

    async with hostile(speaks_later) as server:
        await ask(client, asking(server.url))
        await server.until_left()
        assert (await ask(client, asking(server.url)))[1] == b"{}"
        assert server.connections == 2


async def test_an_endpoint_that_speaks_first_is_not_listened_to(client: OutsideClient) -> None:
    async def speaks_first(visit: Visit) -> None:
        await visit.send(FINE)

    async with hostile(speaks_first) as server:
        started = time.monotonic()
        with contextlib.suppress(MalformedAnswerError):  # when it was quicker than we were
            await ask(client, asking(server.url))
        assert time.monotonic() - started < AT_ONCE_S


async def test_a_connection_that_was_closed_fails_nobody(client: OutsideClient) -> None:
    async def answers_once(visit: Visit) -> None:
        await visit.request()
        await visit.send(FINE)
        await asyncio.sleep(0.02)
        visit.writer.close()

    async with hostile(answers_once) as server:
        for _ in range(3):
            assert (await ask(client, asking(server.url)))[1] == b"{}"
            await asyncio.sleep(0.05)
        assert (server.connections, len(server.requests)) == (3, 3)


async def test_a_connection_whose_end_has_not_been_told_fails_nobody(client: OutsideClient) -> None:
    """The end has arrived in the kernel, and the event loop was too busy to look."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def serve_one(*, also_closes: bool) -> socket.socket:
            taken, _ = listener.accept()
            request = b""
            while not request.endswith(b"{}"):
                request += taken.recv(65536)
            taken.sendall(FINE)
            if also_closes:
                taken.close()
            return taken

        first = asyncio.create_task(asyncio.to_thread(serve_one, also_closes=False))
        await ask(client, asking(url))
        served = await first
        second = asyncio.create_task(asyncio.to_thread(serve_one, also_closes=True))
        await asyncio.sleep(0.01)
        served.close()  # and no turn of the loop before the next call
        assert (await ask(client, asking(url)))[1] == b"{}"
        await second


NOT_KEPT: dict[str, Behaviour] = {
    "Connection: close": says(OK + b"Connection: close\r\n" + BODY),
    "HTTP/1.0": says(b"HTTP/1.0 200 OK\r\n" + BODY),
    "chunks in HTTP/1.0": says(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "excess bytes": says(FINE + b"excess"),
    "two answers": says(FINE + FINE),
    "a body where none may be": says(b"HTTP/1.1 204 X\r\n\r\n{}"),
    "excess behind the last chunk": says(CHUNKED + b"0\r\n\r\nexcess"),
    "a body until its end": says(OK + b"\r\n{}", then_closes=True),
    "status 500, its body not read": says(b"HTTP/1.1 500 X\r\n" + BODY),
}


@pytest.mark.parametrize("case", NOT_KEPT)
async def test_a_connection_is_not_kept_after(client: OutsideClient, case: str) -> None:
    async with hostile(NOT_KEPT[case]) as server:
        for _ in range(2):
            with contextlib.suppress(EgressError):
                await ask(client, asking(server.url))
            await none_left(server.port)
        assert server.connections == 2


async def test_a_connection_is_not_kept_after_head(client: OutsideClient) -> None:
    async with hostile(says(OK + b"Content-Length: 9\r\n\r\n")) as server:
        for _ in range(2):
            answer, body = await ask(client, asking(server.url, method="HEAD", body=b""))
            assert (answer.status, body) == (200, b"")
            await none_left(server.port)
        assert server.connections == 2


async def test_a_connection_is_not_kept_when_its_answer_was_not_read_to_the_end(client: OutsideClient) -> None:
    async def in_two_pieces(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK + b"Content-Length: 2\r\n\r\n{")
        await asyncio.sleep(0.05)
        await visit.send(b"}")

    async with hostile(in_two_pieces) as server:
        async with client.call(asking(server.url), timeout_s=1):
            pass
        await none_left(server.port)
        async with client.call(asking(server.url), timeout_s=1) as answer:
            await answer.discard()
        assert (server.connections, clients_of(server.port)) == (2, 1)


async def test_a_connection_is_not_kept_when_the_answer_came_before_the_request_was_read(
    client: OutsideClient,
) -> None:
    async def answers_early(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.send(FINE)
        await asyncio.sleep(0.3)

    async with hostile(answers_early, reads_little=True) as server:
        for _ in range(2):
            assert (await ask(client, asking(server.url, body=bytes(1024 * 1024))))[1] == b"{}"
            await none_left(server.port)
        assert server.connections == 2
