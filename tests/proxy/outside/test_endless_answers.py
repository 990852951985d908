"""Answers that do not end, or are too large: cut off in time, and no memory is taken."""

import asyncio
import time

import psutil
import pytest

from proxy_service.egress.answers import LARGEST_ANSWER
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.errors import AnswerTooLargeError, MalformedAnswerError
from proxy_service.egress.exchange import LARGEST_BUFFER
from tests.proxy.hostile import (
    AT_ONCE_S,
    CHUNKED,
    CONTINUE,
    OK,
    TOO_MANY,
    ask,
    asking,
    failure,
    hostile,
    none_left,
    pours,
    says,
)

pytestmark = pytest.mark.usefixtures("kept_long")

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
    error = await failure(client, pours(start, again))
    assert time.monotonic() - started < AT_ONCE_S
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
