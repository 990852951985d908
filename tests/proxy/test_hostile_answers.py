"""Whatever an endpoint answers: one answer or one error, in time, at no cost to anybody else, and no socket stays."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any, cast

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy_service.egress.answers import LARGEST_ANSWER, AnswerRules
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.errors import (
    AnswerTimeoutError,
    AnswerTooLargeError,
    CatFailedError,
    EgressError,
    MalformedAnswerError,
)
from proxy_service.egress.exchange import LARGEST_BUFFER, LARGEST_HEAD, MOST_FIELDS, Exchange
from tests.proxy.hostile import (
    CHUNKED,
    FINE,
    LOOPS,
    OK,
    OTHER_OWNER,
    Behaviour,
    Visit,
    ask,
    asking,
    hostile,
    none_left,
    outside,
    pours,
    says,
    silent,
)

AT_ONCE_S = 0.5
INVALID = "The endpoint's answer is not valid HTTP/1.1."
BROKEN_OFF = "The endpoint closed the connection before its answer was complete."
SWITCHED = "The endpoint switched to another protocol."
TOO_MANY = "The endpoint's answer has too many headers."
OTHER_CODING = "The endpoint's answer has a Transfer-Encoding other than chunked."
COMPRESSED = "The endpoint compressed its answer although identity was asked for."
NOT_ASCII = "The endpoint's answer has a header that is not ASCII."
BODY = b"Content-Length: 2\r\n\r\n{}"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BOMB = gzip.compress(bytes(20 * 1024 * 1024))
"""20 MiB in 20 KB."""


def no_status(status: int) -> str:
    return f"The endpoint answered with status {status}, which does not exist."


@pytest.fixture(params=LOOPS, scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def client() -> AsyncIterator[OutsideClient]:
    async with outside() as door:
        yield door


async def failure(client: OutsideClient, behaviour: Behaviour, *, timeout_s: float = 2, **wanted: Any) -> EgressError:
    """How a call to an endpoint with this behaviour fails; afterwards no socket is left at either end."""
    async with hostile(behaviour) as server:
        with pytest.raises(EgressError) as raised:
            await ask(client, asking(server.url, **wanted), timeout_s=timeout_s)
        await none_left(server.port)
    return raised.value


REFUSED = {
    # Lengths
    "two equal lengths": (OK + b"Content-Length: 2\r\n" + BODY, INVALID),
    "two different lengths": (OK + b"Content-Length: 3\r\n" + BODY, INVALID),
    "a list of lengths": (OK + b"Content-Length: 2, 2\r\n\r\n{}", INVALID),
    "a negative length": (OK + b"Content-Length: -2\r\n\r\n{}", INVALID),
    "a length with a sign": (OK + b"Content-Length: +2\r\n\r\n{}", INVALID),
    "a hexadecimal length": (OK + b"Content-Length: 0x2\r\n\r\n{}", INVALID),
    "an empty length": (OK + b"Content-Length: \r\n\r\n{}", INVALID),
    "a length of two numbers": (OK + b"Content-Length: 2 2\r\n\r\n{}", INVALID),
    "a length that no computer counts": (OK + b"Content-Length: 99999999999999999999\r\n\r\n{}", INVALID),
    "a length, then chunks": (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", INVALID),
    "chunks, then a length": (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", INVALID),
    "a length among the trailers": (CHUNKED + b"0\r\nContent-Length: 4\r\n\r\n", INVALID),
    # Codings
    "gzip as transfer coding": (OK + b"Transfer-Encoding: gzip\r\n\r\n{}", OTHER_CODING),
    "gzip and chunked": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", OTHER_CODING),
    "chunked and gzip": (OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", OTHER_CODING),
    "chunked twice": (OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", OTHER_CODING),
    "identity as transfer coding": (OK + b"Transfer-Encoding: identity\r\n\r\n{}", OTHER_CODING),
    "a coding nearly called chunked": (OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", OTHER_CODING),
    "chunked behind a control character": (OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", INVALID),
    "no coding at all": (OK + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n", INVALID),
    # Chunks
    "a negative chunk": (CHUNKED + b"-1\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk with a sign": (CHUNKED + b"+1\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk with 0x": (CHUNKED + b"0x1\r\na\r\n0\r\n\r\n", INVALID),
    "a blank before a chunk's size": (CHUNKED + b" 1\r\na\r\n0\r\n\r\n", INVALID),
    "a blank behind a chunk's size": (CHUNKED + b"1 \r\na\r\n0\r\n\r\n", INVALID),
    "a chunk without size": (CHUNKED + b"\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk whose size is no number": (CHUNKED + b"g\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk that no computer counts": (CHUNKED + b"fffffffffffffffff\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk longer than its size": (CHUNKED + b"1\r\nab\r\n0\r\n\r\n", INVALID),
    "a chunk without end of line": (CHUNKED + b"1\r\na0\r\n\r\n", INVALID),
    "bare LF behind a chunk's size": (CHUNKED + b"1\na\r\n0\r\n\r\n", INVALID),
    "bare LF behind a chunk": (CHUNKED + b"1\r\na\n0\r\n\r\n", INVALID),
    "bare LF in a chunk's extension": (CHUNKED + b"1;a\nb\r\na\r\n0\r\n\r\n", INVALID),
    "a trailer without name": (CHUNKED + b"0\r\n: x\r\n\r\n", INVALID),
    # Lines
    "bare LF behind the status": (b"HTTP/1.1 200 OK\n" + BODY, INVALID),
    "bare LF behind a header": (OK + b"X-A: b\n" + BODY, INVALID),
    "bare LF behind the head": (OK + b"Content-Length: 2\r\n\n{}", INVALID),
    "bare LF everywhere": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", INVALID),
    "bare CR everywhere": (b"HTTP/1.1 200 OK\rContent-Length: 2\r\r{}", INVALID),
    "bare CR in a header": (OK + b"X-A: a\rb\r\n" + BODY, INVALID),
    "a folded header": (OK + b"X-A: a\r\n b\r\n" + BODY, INVALID),
    "a folded length": (OK + b"Content-Length:\r\n 2\r\n\r\n{}", INVALID),
    "a folded coding": (OK + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n", INVALID),
    "a blank before the first header": (OK + b" X-A: b\r\n" + BODY, INVALID),
    "a blank before the colon": (OK + b"Content-Length : 2\r\n\r\n{}", INVALID),
    "a tab before the colon": (OK + b"X-A\t: b\r\n" + BODY, INVALID),
    "a header without colon": (OK + b"X-A\r\n" + BODY, INVALID),
    "a header without name": (OK + b": b\r\n" + BODY, INVALID),
    "a header's name beyond ASCII": (OK + "X-Kätzchen: b\r\n".encode() + BODY, INVALID),
    "a content type beyond ASCII": (OK + "Content-Type: kätzchen\r\n".encode() + BODY, NOT_ASCII),
    "a content type with a tab": (OK + b"Content-Type: a\tb\r\n" + BODY, NOT_ASCII),
    **{
        f"character {code:#04x} in a header's {part}": (OK + header + BODY, INVALID)
        for code in (0x00, 0x01, 0x08, 0x0B, 0x1B, 0x7F)
        for part, header in {"name": b"X%c: a\r\n" % code, "value": b"Content-Type: a%cb\r\n" % code}.items()
    },
    # Statuses
    **{
        f"status {status}": (b"HTTP/1.1 %03d X\r\n" % status + BODY, no_status(status))
        for status in (0, 42, 99, 600, 999)
    },
    **{
        f"status {status}": (b"HTTP/1.1 %s X\r\n" % status.encode() + BODY, INVALID)
        for status in ("20", "2000", "abc", "-200", "2e2", "")
    },
    "status 101": (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", SWITCHED),
    "status 101, and an answer": (b"HTTP/1.1 101 X\r\n\r\n" + FINE, SWITCHED),
    # Protocols
    **{
        f"version {version}": (b"%s 200 OK\r\n" % version.encode() + BODY, INVALID)
        for version in ("HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/11.1", "HTTP/1", "http/1.1", "ICY")
    },
    "a blank before the answer": (b" " + FINE, INVALID),
    "a request": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", INVALID),
    "a page and nothing else": (b"<!doctype html><p>Purr.", INVALID),
    "the banner of SSH": (b"SSH-2.0-OpenSSH_9.9\r\n", INVALID),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x28", INVALID),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", INVALID),
    # Compression
    **{
        f"{coding}": (OK + b"Content-Encoding: %s\r\n" % coding.encode() + BODY, COMPRESSED)
        for coding in ("gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip", "gzip, identity", "")
    },
    "compressed twice": (OK + b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n" + BODY, COMPRESSED),
    # Too much of a head
    "a header of 32 KiB": (OK + b"X-A: %s\r\n" % (b"a" * LARGEST_HEAD) + BODY, TOO_MANY),
    "32 KiB of headers": (OK + b"X-A: %s\r\n" % (b"a" * 1024) * 33 + BODY, TOO_MANY),
    "a hundred headers and one": (OK + b"X-A: b\r\n" * MOST_FIELDS + BODY, TOO_MANY),
    "a hundred trailers": (CHUNKED + b"0\r\n" + b"X-A: b\r\n" * MOST_FIELDS + b"\r\n", TOO_MANY),
    "a trailer of 32 KiB": (CHUNKED + b"0\r\nX-A: %s\r\n\r\n" % (b"a" * LARGEST_HEAD), TOO_MANY),
    "a hundred headers of 1xx answers and one": (
        b"HTTP/1.1 103 X\r\nX-A: b\r\n\r\n" * MOST_FIELDS + OK + BODY,
        TOO_MANY,
    ),
    "a bomb": (OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB, COMPRESSED),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_answer_is_refused_at_once(client: OutsideClient, case: str) -> None:
    answer, cause = REFUSED[case]
    started = time.monotonic()
    error = await failure(client, says(answer))
    assert time.monotonic() - started < AT_ONCE_S
    assert isinstance(error, MalformedAnswerError)
    assert (error.status, error.code, error.cause) == (502, "malformed_answer", cause)
    assert error.headers == {"Proxy-Status": "cathouse-proxy; error=http_protocol_error"}


ACCEPTED = {
    "a length with zeros": (OK + b"Content-Length: 0002\r\n\r\n{}", 200, b"{}"),
    "an empty body": (OK + b"Content-Length: 0\r\n\r\n", 200, b""),
    "chunks in any case": (OK + b"transfer-encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, b"{}"),
    "chunks with extensions": (CHUNKED + b'2;a=b;c="d"\r\n{}\r\n0\r\n\r\n', 200, b"{}"),
    "chunks with trailers": (CHUNKED + b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", 200, b"{}"),
    "no reason": (b"HTTP/1.1 200\r\n" + BODY, 200, b"{}"),
    "identity": (OK + b"Content-Encoding: Identity\r\n" + BODY, 200, b"{}"),
    "an offer of HTTP/2": (OK + b"Upgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\n" + BODY, 200, b"{}"),
    "a header beyond ASCII that nobody wants": (OK + "X-A: ä\r\n".encode() + BODY, 200, b"{}"),
    "status 204 with a length": (b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n", 204, b""),
    "status 404": (b"HTTP/1.1 404 X\r\n" + BODY, 404, b"{}"),
    "status 299": (b"HTTP/1.1 299 X\r\n" + BODY, 299, b"{}"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n" + BODY, 200, b"{}"),
    "some 1xx answers": (CONTINUE * 3 + b"HTTP/1.1 103 X\r\nLink: x\r\n\r\n" + FINE, 200, b"{}"),
    "a 1xx answer with a length": (b"HTTP/1.1 102 X\r\nContent-Length: 9\r\n\r\n" + FINE, 200, b"{}"),
    "a hundred headers": (OK + b"X-A: b\r\n" * (MOST_FIELDS - 1) + BODY, 200, b"{}"),
    "30 KiB of headers": (OK + b"X-A: %s\r\n" % (b"a" * 1024) * 30 + BODY, 200, b"{}"),
    "excess bytes": (FINE + b"excess", 200, b"{}"),
    "an answer that nobody asked for": (FINE + FINE, 200, b"{}"),
}


@pytest.mark.parametrize("case", ACCEPTED)
async def test_what_is_unusual_and_right_is_accepted(client: OutsideClient, case: str) -> None:
    sent, status, body = ACCEPTED[case]
    async with hostile(says(sent)) as server:
        answer, received = await ask(client, asking(server.url))
    assert (answer.status, received) == (status, body)


ENDLESS: dict[str, tuple[bytes, bytes, str]] = {
    "a status line": (b"HTTP/1.1 200 ", b"a" * 1024, TOO_MANY),
    "a header's name": (OK + b"X-", b"a" * 1024, TOO_MANY),
    "a header's value": (OK + b"X-A: ", b"a" * 1024, TOO_MANY),
    "blanks before a header's value": (OK + b"X-A:", b" " * 1024, TOO_MANY),
    "headers": (OK, b"X-A: b\r\n", TOO_MANY),
    "headers without value": (OK, b"X-A:\r\n", TOO_MANY),
    "1xx answers": (b"", CONTINUE, TOO_MANY),
    "1xx answers with headers": (b"", b"HTTP/1.1 103 X\r\nLink: x\r\n\r\n", TOO_MANY),
    "empty lines": (b"", b"\r\n" * 512, TOO_MANY),
    "a chunk's size": (CHUNKED, b"0" * 1024, TOO_MANY),
    "a chunk's extension": (CHUNKED + b"2;a=", b"a" * 1024, TOO_MANY),
    "chunk extensions": (CHUNKED + b"2", b";a=b" * 256, TOO_MANY),
    "a trailer": (CHUNKED + b"0\r\nX-A: ", b"a" * 1024, TOO_MANY),
    "a trailer behind a body": (CHUNKED + b"2\r\n{}\r\n0\r\nX-A: ", b"a" * 65536, TOO_MANY),
    "trailers": (CHUNKED + b"0\r\n", b"X-A: b\r\n", TOO_MANY),
}


@pytest.mark.parametrize("case", ENDLESS)
async def test_what_does_not_end_is_cut_off_long_before_its_time_is_up(client: OutsideClient, case: str) -> None:
    start, again, cause = ENDLESS[case]
    started = time.monotonic()
    error = await failure(client, pours(start, again), timeout_s=5)
    assert time.monotonic() - started < 1
    assert isinstance(error, MalformedAnswerError)
    assert error.cause == cause


@pytest.mark.parametrize(
    "start",
    [OK + b"\r\n", OK + b"Content-Length: 99999999999\r\n\r\n", CHUNKED],
    ids=["until close", "length", "chunks"],
)
async def test_a_body_over_5_mib_is_refused_however_it_is_framed(client: OutsideClient, start: bytes) -> None:
    again = b"10000\r\n" + bytes(65536) + b"\r\n" if start is CHUNKED else bytes(65536)
    error = await failure(client, pours(start, again), timeout_s=10)
    assert isinstance(error, AnswerTooLargeError)
    assert (error.status, error.code) == (502, "answer_too_large")
    assert error.cause == "The endpoint's answer has more than 5 MiB."


async def test_a_body_of_5_mib_is_accepted_and_a_byte_more_is_not(client: OutsideClient) -> None:
    for size in (LARGEST_ANSWER, LARGEST_ANSWER + 1):
        sent = OK + b"Content-Length: %d\r\n\r\n" % size + bytes(size)
        async with hostile(says(sent)) as server:
            if size == LARGEST_ANSWER:
                assert len((await ask(client, asking(server.url), timeout_s=10))[1]) == size
                continue
            with pytest.raises(AnswerTooLargeError):
                await ask(client, asking(server.url), timeout_s=10)


async def test_memory_does_not_grow_with_what_is_sent(client: OutsideClient) -> None:
    async with hostile(pours(OK + b"\r\n", bytes(256 * 1024))) as server:
        before = psutil.Process().memory_info().rss
        async with client.call(asking(server.url), timeout_s=5) as answer:
            stream = answer.stream(idle_s=1, total_s=5)
            taken = 0
            async for chunk in stream:
                taken += len(chunk)
                await asyncio.sleep(0.02)  # a player who reads slowly
                # One read of the network's more than the limit, at most.
                assert answer._exchange._buffered <= LARGEST_BUFFER + 256 * 1024
                if taken > 2 * 1024 * 1024:
                    break
            assert psutil.Process().memory_info().rss - before < 16 * 1024 * 1024
        await none_left(server.port)


async def test_memory_does_not_grow_with_lines_that_do_not_end(client: OutsideClient) -> None:
    """The parser collects a trailer until its end, and a stream may last for minutes."""
    async with hostile(pours(CHUNKED + b"2\r\n{}\r\n0\r\nX-A: ", b"a" * 256 * 1024)) as server:
        before = psutil.Process().memory_info().rss
        async with client.call(asking(server.url), timeout_s=5) as answer:
            with pytest.raises(MalformedAnswerError):
                assert [chunk async for chunk in answer.stream(idle_s=5, total_s=5)] == [b"{}"]
        assert psutil.Process().memory_info().rss - before < 16 * 1024 * 1024


DRIPS = {
    "nothing": silent,
    "a head byte by byte": says(*(FINE[place : place + 1] for place in range(60)), every_s=0.02),
    "a header byte by byte": pours(OK + b"X-A: ", b"a", every_s=0.02),
    "a 1xx answer again and again": pours(b"", CONTINUE, every_s=0.05),
    "a body byte by byte": pours(OK + b"\r\n", b"a", every_s=0.02),
    "chunks byte by byte": pours(CHUNKED, b"1\r\na\r\n", every_s=0.02),
    "a trailer byte by byte": pours(CHUNKED + b"0\r\nX-A: ", b"a", every_s=0.02),
    "half a status line": says(b"HTTP/1.1 2"),
    "half a head": says(OK + b"Content-Length: 2\r\n"),
    "a 1xx answer and no other": says(CONTINUE),
    "less than its length": says(OK + b"Content-Length: 3\r\n\r\n{}"),
    "a length that nobody can send": says(OK + b"Content-Length: 18446744073709551615\r\n\r\n{}"),
    "half a chunk": says(CHUNKED + b"5\r\n{}"),
    "no last chunk": says(CHUNKED + b"2\r\n{}\r\n"),
    "no end of the trailers": says(CHUNKED + b"2\r\n{}\r\n0\r\n"),
    "no end of its body": says(OK + b"\r\n{}"),
}


async def test_each_byte_in_time_and_the_whole_too_late_is_too_late(client: OutsideClient) -> None:
    async def takes(behaviour: Behaviour) -> tuple[EgressError, float]:
        async with hostile(behaviour) as server:
            started = time.monotonic()
            with pytest.raises(EgressError) as raised:
                await ask(client, asking(server.url), timeout_s=0.3)
            seconds = time.monotonic() - started
            await none_left(server.port, within_s=2)
        return raised.value, seconds

    outcomes = await asyncio.gather(*(takes(behaviour) for behaviour in DRIPS.values()))
    for case, (error, seconds) in zip(DRIPS, outcomes, strict=True):
        assert isinstance(error, AnswerTimeoutError), case
        assert (error.status, error.code) == (504, "http_response_timeout")
        assert error.cause == "The endpoint did not finish its answer within 0.3 seconds."
        assert 0.29 < seconds < 0.3 + 2 * AT_ONCE_S, case


CUT = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "a status line": OK,
    "half a head": OK + b"Content-Length: 2\r\n",
    "a 1xx answer": CONTINUE,
    "a head": OK + b"Content-Length: 2\r\n\r\n",
    "half a body": OK + b"Content-Length: 2\r\n\r\n{",
    "a chunk's size": CHUNKED + b"2\r\n",
    "half a chunk": CHUNKED + b"2\r\n{",
    "no last chunk": CHUNKED + b"2\r\n{}\r\n",
    "half a last chunk": CHUNKED + b"2\r\n{}\r\n0\r\n",
}


@pytest.mark.parametrize("case", CUT)
@pytest.mark.parametrize("way", ["closes", "closes its side", "resets"])
async def test_an_answer_that_breaks_off_is_none(client: OutsideClient, case: str, way: str) -> None:
    async def behaviour(visit: Visit) -> None:
        await visit.request()
        await visit.send(CUT[case])
        if way == "resets":
            await asyncio.sleep(0.01)
            _reset(visit)
        elif way == "closes":
            visit.writer.close()
        else:
            visit.writer.write_eof()

    started = time.monotonic()
    error = await failure(client, behaviour)
    assert time.monotonic() - started < AT_ONCE_S
    assert isinstance(error, MalformedAnswerError)
    assert error.cause == BROKEN_OFF


def _reset(visit: Visit) -> None:
    own = cast("socket.socket", visit.writer.get_extra_info("socket"))
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    visit.writer.transport.abort()


async def test_an_endpoint_may_end_its_body_by_closing_and_not_by_a_reset(client: OutsideClient) -> None:
    async def resets(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK + b"\r\n{}")
        await asyncio.sleep(0.02)
        _reset(visit)

    async def half_closes(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK + b"\r\n{}")
        visit.writer.write_eof()

    for behaviour in (says(OK + b"\r\n{}", then_closes=True), half_closes):
        async with hostile(behaviour) as server:
            assert (await ask(client, asking(server.url)))[1] == b"{}"
            await none_left(server.port)
    assert (await failure(client, resets)).proxy_error == "http_protocol_error"


async def test_an_endpoint_that_closes_its_side_before_it_reads_has_not_answered(client: OutsideClient) -> None:
    async def behaviour(visit: Visit) -> None:
        visit.writer.write_eof()
        await visit.request()

    assert (await failure(client, behaviour)).code == "malformed_answer"


async def test_an_endpoint_that_does_not_read_holds_nobody_longer_than_its_time(client: OutsideClient) -> None:
    async def behaviour(_visit: Visit) -> None:
        await asyncio.sleep(10)

    started = time.monotonic()
    async with hostile(behaviour, reads_little=True) as server:
        with pytest.raises(AnswerTimeoutError):
            await ask(client, asking(server.url, body=bytes(1024 * 1024)), timeout_s=0.3)
        await none_left(server.port)
    assert time.monotonic() - started < 0.3 + AT_ONCE_S


async def test_an_endpoint_that_is_never_accepted_is_as_slow_as_one_that_is_silent(client: OutsideClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as full:
        with pytest.raises(AnswerTimeoutError):
            await ask(client, asking(f"http://127.0.0.1:{full.getsockname()[1]}/"), timeout_s=0.3)
        await none_left(full.getsockname()[1])


async def test_an_endpoint_may_answer_before_it_reads(client: OutsideClient) -> None:
    async def behaviour(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
        await asyncio.sleep(10)

    async with hostile(behaviour, reads_little=True) as server:
        answer, body = await ask(client, asking(server.url, body=bytes(1024 * 1024)))
        assert (answer.status, body) == (413, b"{}")
        await none_left(server.port)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 401, 407, 500, 502, 503, 599])
async def test_statuses_that_are_a_failure_are_told_without_waiting_for_a_body(
    client: OutsideClient, status: int
) -> None:
    location = b"Location: http://127.0.0.1:1/\r\nContent-Length: 9\r\n\r\n"
    error = await failure(client, says(b"HTTP/1.1 %d X\r\n" % status + location))
    assert isinstance(error, CatFailedError)
    assert (error.status, error.code, error.received_status) == (502, "cat_failed", status)


async def test_of_an_answer_only_the_headers_that_are_wanted_come_back(client: OutsideClient) -> None:
    sent = OK + b"Content-Type: a/b\r\nSet-Cookie: a=b\r\nX-A: 1\r\nX-A: 2\r\nServer: cat\r\n" + BODY
    async with hostile(says(sent)) as server:
        assert (await ask(client, asking(server.url)))[0].headers == {"content-type": "a/b"}
        rules = AnswerRules(returns=lambda name: name.startswith("x-"), is_failure=lambda _status: False)
        async with client.call(asking(server.url), timeout_s=1, rules=rules) as answer:
            assert answer.headers == {"x-a": "1, 2"}


async def test_what_a_header_cannot_carry_is_never_sent(client: OutsideClient) -> None:
    async with hostile(says(FINE)) as server:
        for value in ("a\r\nX-B: b", "a\nb", "a\0b", "ä"):
            wanted = asking(server.url)
            wanted.headers["X-A"] = value  # type: ignore[index]  # a mapping for readers, a dict here
            with pytest.raises(ValueError, match="cannot be sent"):
                await ask(client, wanted)
        await none_left(server.port)
    assert not server.requests


async def test_a_hostile_cat_costs_others_nothing(client: OutsideClient) -> None:
    pouring = pours(OK + b"\r\n", bytes(4096), every_s=0.001)
    behaviours = [silent, pouring, DRIPS["a body byte by byte"], DRIPS["a header byte by byte"]]

    async def be_hostile(visit: Visit) -> None:
        await behaviours[bad.connections % len(behaviours)](visit)

    async with hostile(be_hostile) as bad, hostile(says(FINE)) as good:
        hanging = [asyncio.create_task(ask(client, asking(bad.url), timeout_s=1.5)) for _ in range(20)]
        await asyncio.sleep(0.1)
        for _ in range(20):
            started = time.monotonic()
            assert (await ask(client, asking(good.url, owner=OTHER_OWNER)))[1] == b"{}"
            assert time.monotonic() - started < 1
        outcomes = await asyncio.gather(*hanging, return_exceptions=True)
        assert {type(each) for each in outcomes} <= {AnswerTimeoutError, AnswerTooLargeError}
        await none_left(bad.port)


class Wire:
    """What an exchange asks of its transport."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def outcome(pieces: Sequence[bytes], *, then_ends: bool) -> object:
    """What comes of an answer in pieces. What would wait for more is said to."""
    exchange = Exchange(cast("asyncio.Transport", Wire()), is_bodiless=False)
    for piece in pieces:
        exchange.feed(piece)
    if then_ends:
        exchange.end(None)
    try:
        async with asyncio.timeout(0):
            head = await exchange.head()
            body = b"".join([chunk async for chunk in exchange.chunks()])
    except EgressError as error:
        return error.cause
    except TimeoutError:
        return "waits"
    return head.status, dict(head.headers), body


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[start:end] for start, end in pairwise(places) if start < end]


FRAMED = [
    CONTINUE + FINE,
    CHUNKED + b"1\r\n{\r\n1;a=b\r\n}\r\n0\r\nX-A: b\r\n\r\n",
    OK + b"X-A: b\r\nX-A: c\r\n\r\n{}",
    OK + b"X-A: %s\r\n" % (b"a" * 1024) * 30 + BODY,
]
places = st.lists(st.integers(0, 100_000), max_size=12)


@settings(max_examples=150, deadline=None)
@given(answer=st.sampled_from(FRAMED), at=places)
@example(answer=FRAMED[0], at=range(200))
@example(answer=FRAMED[1], at=range(200))
@example(answer=FRAMED[2], at=range(200))
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(answer: bytes, at: Sequence[int]) -> None:
    async def compare() -> None:
        whole = await outcome([answer], then_ends=True)
        assert isinstance(whole, tuple)
        assert whole[2] == b"{}"
        assert await outcome(cut(answer, at), then_ends=True) == whole

    asyncio.run(compare())


mutations = st.lists(
    st.tuples(st.integers(0, 100_000), st.integers(0, 3), st.binary(max_size=4) | st.sampled_from([b"\r\n", b"\0"])),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(answer=st.sampled_from(FRAMED[:3]) | st.binary(max_size=64), changes=mutations, at=places, ends=st.booleans())
def test_whatever_bytes_come_there_is_an_answer_or_an_error_of_ours(
    answer: bytes, changes: Sequence[tuple[int, int, bytes]], at: Sequence[int], *, ends: bool
) -> None:
    for where, removed, put in changes:
        place = where % (len(answer) + 1)
        answer = answer[:place] + put + answer[place + removed :]
    result = asyncio.run(outcome(cut(answer, at), then_ends=ends))
    assert not (ends and result == "waits")
    known = {INVALID, BROKEN_OFF, SWITCHED, TOO_MANY, OTHER_CODING, "waits"}
    assert isinstance(result, tuple) or result in known or "which does not exist" in cast("str", result)
