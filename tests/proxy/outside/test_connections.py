"""Connections: nothing is sent twice, whoever leaves closes at once, and what fails says whose fault it is."""

import asyncio
import contextlib
import resource
import socket
import time
from ipaddress import ip_address
from typing import Any

import pytest
from structlog.testing import capture_logs

from proxy_service.egress import connection
from proxy_service.egress.answers import LARGEST_ANSWER, LARGEST_DISCARDED
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.errors import (
    AnswerTimeoutError,
    DestinationUnavailableError,
    EgressError,
    HouseBusyError,
    MalformedAnswerError,
    ServiceEndingError,
)
from proxy_service.egress.exchange import LARGEST_BUFFER, LARGEST_HEAD, MOST_FIELDS
from proxy_service.egress.resolver import GuardedResolver
from tests.proxy.hostile import (
    BODY,
    FINE,
    OK,
    Behaviour,
    Server,
    Visit,
    ask,
    asking,
    at_once,
    clients_of,
    hostile,
    none_left,
    outside,
    pours,
    says,
    silent,
)

pytestmark = pytest.mark.usefixtures("kept_long")


async def test_an_early_answer_is_read_to_its_end_though_the_request_is_reset(client: OutsideClient) -> None:
    """More than is buffered, so that reading is taken up again on a connection that failed meanwhile."""
    body = bytes(100 * 1024)

    async def answers_and_resets(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.send(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await asyncio.sleep(0.05)
        visit.writer.transport.abort()

    async with hostile(answers_and_resets, reads_little=True) as server:
        async with client.call(asking(server.url, body=bytes(8 * 1024 * 1024)), timeout_s=2) as answer:
            await asyncio.sleep(0.15)
            with contextlib.suppress(MalformedAnswerError):
                assert await answer.read() == body
        await none_left(server.port)


async def test_who_leaves_a_stream_closes_it_at_once(client: OutsideClient) -> None:
    async with hostile(pours(OK + b"\r\n", b"data: 1\n\n", every_s=0.01)) as server:
        async with client.call(asking(server.url), timeout_s=1) as answer:
            async for _chunk in answer.stream(idle_s=1, total_s=5):
                break
            left = time.monotonic()
        await server.until_left()
        assert server.left_at[0] - left < 0.2
        assert not clients_of(server.port)


@pytest.mark.parametrize(
    "behaviour", [silent, pours(OK, b"X"), pours(OK + b"\r\n", b"{")], ids=["silent", "head", "body"]
)
async def test_a_call_that_is_cancelled_closes_at_once(client: OutsideClient, behaviour: Behaviour) -> None:
    async with hostile(behaviour) as server:
        call = asyncio.create_task(ask(client, asking(server.url), timeout_s=10))
        await at_once(lambda: len(server.requests) == 1)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError, EgressError):
            await call
        await none_left(server.port)


async def test_a_stream_that_is_interrupted_says_so_even_when_its_endpoint_ends_it(client: OutsideClient) -> None:
    async def ends_later(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK + b"\r\n", b"data: 1\n\n")
        await asyncio.sleep(0.1)
        visit.writer.close()

    async with hostile(ends_later) as server, client.call(asking(server.url), timeout_s=1) as answer:
        stream = answer.stream(idle_s=1, total_s=5)
        assert await anext(stream) == b"data: 1\n\n"
        answer.interrupt(ServiceEndingError())
        await asyncio.sleep(0.15)
        with pytest.raises(ServiceEndingError):
            await anext(stream)


async def test_a_connection_that_is_refused_is_tried_once_more(client: OutsideClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    call = asyncio.create_task(ask(client, asking(f"http://127.0.0.1:{port}/"), timeout_s=2))
    await asyncio.sleep(0.05)
    async with hostile(says(FINE), listener=socket.create_server(("127.0.0.1", port))) as server:
        assert (await call)[1] == b"{}"
        assert (server.connections, len(server.requests)) == (1, 1)


READS_AND_LEAVES: dict[str, Behaviour] = {
    "closes": says(then_closes=True),
    "begins an answer": says(OK, then_closes=True),
    "says 500": says(b"HTTP/1.1 500 X\r\n" + BODY),
    "says 503": says(b"HTTP/1.1 503 X\r\nRetry-After: 0\r\n" + BODY),
    "says 408": says(b"HTTP/1.1 408 X\r\nConnection: close\r\n" + BODY),
    "says 421": says(b"HTTP/1.1 421 X\r\n" + BODY),
    "says 425": says(b"HTTP/1.1 425 X\r\n" + BODY),
    "says 307": says(b"HTTP/1.1 307 X\r\nLocation: /\r\n" + BODY),
}


@pytest.mark.parametrize("case", READS_AND_LEAVES)
async def test_nothing_is_sent_twice(client: OutsideClient, case: str) -> None:
    async with hostile(READS_AND_LEAVES[case]) as server:
        with contextlib.suppress(EgressError):
            await ask(client, asking(server.url))
        await asyncio.sleep(0.05)
        assert (server.connections, len(server.requests)) == (1, 1)


async def test_nothing_is_sent_twice_over_a_connection_that_was_kept(client: OutsideClient) -> None:
    async def answers_the_first(visit: Visit) -> None:
        await visit.request()
        await visit.send(FINE)
        await visit.request()
        visit.writer.close()

    async with hostile(answers_the_first) as server:
        await ask(client, asking(server.url))
        with pytest.raises(MalformedAnswerError):
            await ask(client, asking(server.url))
        assert (server.connections, len(server.requests)) == (1, 2)


async def test_what_is_sent_is_one_plain_request(client: OutsideClient) -> None:
    async def sent(path: str, server: Server, **wanted: Any) -> list[bytes]:
        await ask(client, asking(f"{server.url}{path}", **wanted))
        return server.requests[-1].split(b"\r\n")

    async with hostile(says(FINE)) as server:
        host = b"Host: 127.0.0.1:%d" % server.port
        always = [host, b"Accept-Encoding: identity", b"CDN-Loop: cathouse", b"Content-Type: application/json"]
        line, *rest = await sent("a%20b/ä?q=ü&r=a+b", server)
        assert line == b"POST /a%20b/%C3%A4?q=%C3%BC&r=a+b HTTP/1.1"
        assert rest == [*always, b"Content-Length: 2", b"", b"{}"]
        assert (await sent("?x=|", server, method="GET", body=b"")) == [b"GET /?x=%7C HTTP/1.1", *always, b"", b""]
        assert b"Content-Length: 0" in await sent("", server, method="DELETE", body=b"")


async def test_a_client_that_is_closed_leaves_nothing_open() -> None:
    async with hostile(says(FINE)) as server:
        async with outside() as door:
            await ask(door, asking(server.url))
            assert clients_of(server.port) == 1
        await none_left(server.port)


def test_the_numbers_are_those_of_the_design() -> None:
    """design/security.md, "The door to the outside", and RFC 8305."""
    assert (LARGEST_ANSWER, LARGEST_DISCARDED) == (5 * 1024 * 1024, 4 * 1024)
    assert (LARGEST_HEAD, MOST_FIELDS, LARGEST_BUFFER) == (32 * 1024, 100, 64 * 1024)
    assert (connection.MOST_TRIED, connection.SECOND_ADDRESS_AFTER_S, connection.MOST_KEPT) == (8, 0.25, 500)


def test_where_an_address_is_connected_to() -> None:
    tcp = socket.SOCK_STREAM, socket.IPPROTO_TCP, ""
    assert connection._address_info(ip_address("1.1.1.1"), 443) == (socket.AF_INET, *tcp, ("1.1.1.1", 443))
    six = ip_address("2606:4700::1111")
    assert connection._address_info(six, 443) == (socket.AF_INET6, *tcp, ("2606:4700::1111", 443, 0, 0))


async def test_what_uvloop_says_of_a_network_is_an_endpoint_that_cannot_be_reached(
    client: OutsideClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> socket.socket:
        raise RuntimeError("unable to perform operation")

    monkeypatch.setattr(connection, "start_connection", fails)
    with pytest.raises(DestinationUnavailableError):
        await ask(client, asking("http://127.0.0.1:1/"))

    tries = iter((ConnectionRefusedError(), RuntimeError("unable to perform operation")))

    async def fails_otherwise(*_: object, **__: object) -> socket.socket:
        raise next(tries)

    monkeypatch.setattr(connection, "start_connection", fails_otherwise)
    with pytest.raises(DestinationUnavailableError):
        await ask(client, asking("http://127.0.0.1:1/"))


async def test_a_process_without_descriptors_does_not_blame_the_cat(client: OutsideClient) -> None:
    async with hostile(says(FINE)) as server:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with capture_logs() as logs, pytest.raises(HouseBusyError):
                await ask(client, asking(server.url))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert [line["event"] for line in logs] == ["egress.exhausted"]
        await ask(client, asking(server.url))


async def test_a_call_may_take_less_time_than_a_connection(client: OutsideClient) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        with pytest.raises(AnswerTimeoutError):  # the line of those that wait is full: nothing is answered
            await ask(client, asking(f"http://127.0.0.1:{full.getsockname()[1]}/"), timeout_s=0.2)
        await none_left(full.getsockname()[1], but=1)


async def test_a_client_that_is_closed_ends_its_look_ups() -> None:
    resolver = GuardedResolver()
    async with outside(resolver=resolver):
        assert not resolver._resolver._closed
    assert resolver._resolver._closed


async def test_a_stream_goes_on_when_the_time_for_its_head_is_over(client: OutsideClient) -> None:
    slow = says(OK + b"Content-Length: 3\r\n\r\na", b"b", b"c", every_s=0.3)
    async with hostile(slow) as server, client.call(asking(server.url), timeout_s=0.4) as answer:
        assert [chunk async for chunk in answer.stream(idle_s=2, total_s=5)] == [b"a", b"b", b"c"]
