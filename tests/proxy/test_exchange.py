"""An exchange by itself, without a network: its limits to the last byte, and what it asks of its transport."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from proxy_service.egress.errors import AnswerTimeoutError, EgressError, MalformedAnswerError, ServiceEndingError
from proxy_service.egress.exchange import Exchange
from tests.proxy.hostile import BROKEN_OFF, CHUNKED, FINE, OK, TOO_MANY
from tests.proxy.outside.answers import ACCEPTED, COMPRESSED, CUT, NOT_ASCII, REFUSED

KIB = 1024


class Wire:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pause_reading(self) -> None:
        self.asked.append("pause")

    def resume_reading(self) -> None:
        self.asked.append("resume")


def exchange_over(wire: Wire, *, is_bodiless: bool = False) -> Exchange:
    return Exchange(cast("asyncio.Transport", wire), is_bodiless=is_bodiless)


def fed(*pieces: bytes, is_bodiless: bool = False) -> Exchange:
    exchange = exchange_over(Wire(), is_bodiless=is_bodiless)
    for piece in pieces:
        exchange.feed(piece)
    return exchange


async def read(exchange: Exchange) -> tuple[int, bytes]:
    """Status and body, of which all has come."""
    async with asyncio.timeout(5):
        head = await exchange.head()
        return head.status, b"".join([chunk async for chunk in exchange.chunks()])


async def cause(exchange: Exchange) -> str:
    with pytest.raises(MalformedAnswerError) as raised:
        await read(exchange)
    return raised.value.cause


def split(answer: bytes, size: int) -> Sequence[bytes]:
    return [answer[place : place + size] for place in range(0, len(answer), size)]


async def test_what_is_refused_or_accepted_in_one_piece_is_so_byte_by_byte() -> None:
    for case, (answer, expected) in REFUSED.items():
        if len(answer) > 200 or expected in (COMPRESSED, NOT_ASCII):  # what is in a head is its reader's to refuse
            continue
        for size in (1, 7, len(answer)):
            exchange = fed(*split(answer, size))
            exchange.end(None)
            assert await cause(exchange) == expected, (case, size)
    for case, (answer, status, body) in ACCEPTED.items():
        for size in (1, 7, len(answer)):
            exchange = fed(*split(answer, size))
            exchange.end(None)
            assert await read(exchange) == (status, body), (case, size)
    for case, answer in CUT.items():
        exchange = fed(*split(answer, 1))
        exchange.end(None)
        assert await cause(exchange) == BROKEN_OFF, case


async def test_the_heads_of_an_answer_have_32_kib_at_most() -> None:
    for size, is_accepted in ((32 * KIB, True), (32 * KIB + 1, False)):
        value = b"a" * (size - len("x-a") - len("content-length0"))
        exchange = fed(OK + b"Content-Length: 0\r\nX-A: " + value + b"\r\n\r\n")
        if is_accepted:
            assert await read(exchange) == (200, b"")
        else:
            assert await cause(exchange) == TOO_MANY


async def test_what_comes_and_is_neither_head_nor_body_has_32_kib_at_most_at_a_time() -> None:
    for more, is_accepted in ((0, True), (1, False)):
        line = b"2;" + b"a" * (32 * KIB - 2 + more)
        exchange = fed(CHUNKED, *split(line, 1000))
        if is_accepted:
            exchange.feed(b"\r\n{}\r\n")
            exchange.feed(line)  # what bore something does not count any more
            exchange.feed(b"\r\n{}\r\n0\r\n\r\n")
            assert await read(exchange) == (200, b"{}{}")
        else:
            assert await cause(exchange) == TOO_MANY


async def test_a_line_that_begins_an_answer_has_32_kib_at_most() -> None:
    for more, is_accepted in ((0, True), (1, False)):
        exchange = fed(*split(b"HTTP/1.1 200 " + b"a" * (32 * KIB - 13 + more), 1000))
        exchange.feed(b"\r\nContent-Length: 0\r\n\r\n")
        if is_accepted:
            assert await read(exchange) == (200, b"")
        else:
            assert await cause(exchange) == TOO_MANY


async def test_a_head_is_what_stands_in_the_final_one() -> None:
    exchange = fed(
        b"HTTP/1.1 103 X\r\nX-A: early\r\nX-B: early\r\n\r\n" + OK + b"X-a:  late \t\r\nContent-Length: 0\r\n\r\n"
    )
    assert (await exchange.head()).headers == {"x-a": "late", "content-length": "0"}


async def test_a_second_answer_is_not_taken_for_the_first() -> None:
    for excess in (b"HTTP/1.1 404 X\r\nContent-Type: a/b\r\nContent-Length: 1\r\n\r\n!", b"HTTP/1.1 404 X\r\n", b"x"):
        for pieces in ((FINE + excess,), (FINE, excess)):
            exchange = fed(*pieces)
            assert await read(exchange) == (200, b"{}")
            assert (await exchange.head()).headers["content-type"] == "application/json"
            assert not exchange.leaves_connection_usable


async def test_which_answers_have_no_body_and_which_have_one_until_the_end() -> None:
    for status in (204, 304):
        exchange = fed(b"HTTP/1.1 %d X\r\n\r\n" % status)
        assert await read(exchange) == (status, b"")
        assert exchange.leaves_connection_usable
    for status in (203, 205, 303, 305):
        exchange = fed(b"HTTP/1.1 %d X\r\n\r\n{}" % status)
        exchange.end(None)
        assert await read(exchange) == (status, b"{}")
        assert not exchange.leaves_connection_usable


async def test_reading_pauses_behind_64_kib_and_goes_on_at_half_of_it() -> None:
    wire = Wire()
    exchange = exchange_over(wire)
    exchange.feed(OK + b"\r\n")
    await exchange.head()
    piece = bytes(16 * KIB)
    for _ in range(4):
        exchange.feed(piece)
    assert wire.asked == []
    exchange.feed(b"a")
    exchange.feed(b"b")
    assert wire.asked == ["pause"]
    chunks = exchange.chunks()
    for taken in (piece, piece):
        assert await anext(chunks) == taken
    assert wire.asked == ["pause"]  # 32 KiB and two bytes are left
    assert await anext(chunks) == piece
    assert wire.asked == ["pause", "resume"]
    for taken in (piece, b"a", b"b"):
        assert await anext(chunks) == taken
    for _ in range(5):
        exchange.feed(piece)
    assert wire.asked == ["pause", "resume", "pause"]


async def test_reading_goes_on_at_half_of_64_kib_to_the_byte() -> None:
    wire = Wire()
    exchange = exchange_over(wire)
    exchange.feed(OK + b"\r\n")
    exchange.feed(bytes(32 * KIB + 1))
    exchange.feed(bytes(32 * KIB))
    assert wire.asked == ["pause"]
    assert len(await anext(exchange.chunks())) == 32 * KIB + 1
    assert wire.asked == ["pause", "resume"]


async def test_an_answer_to_head_ends_with_its_head() -> None:
    exchange = fed(OK + b"Content-Length: 9\r\n\r\n", is_bodiless=True)
    assert await read(exchange) == (200, b"")
    assert not exchange.leaves_connection_usable
    exchange = fed(OK + b"Content-Length: 2\r\n\r\n{}", is_bodiless=True)
    assert await read(exchange) == (200, b"")
    assert not exchange.leaves_connection_usable


async def test_a_connection_can_be_used_again_when_all_was_read_and_no_more_came() -> None:
    exchange = fed(FINE)
    assert not exchange.leaves_connection_usable
    await read(exchange)
    assert exchange.leaves_connection_usable
    exchange.feed(b"x")
    assert not exchange.leaves_connection_usable


async def test_the_first_thing_that_went_wrong_is_told_each_time() -> None:
    first, second = ServiceEndingError(), AnswerTimeoutError(1)
    exchange = fed(OK + b"Content-Length: 3\r\n\r\n{")
    exchange.interrupt(first)
    exchange.interrupt(second)
    exchange.feed(b"}}")
    exchange.end(None)
    await exchange.head()
    for _ in range(2):
        with pytest.raises(ServiceEndingError):
            assert [chunk async for chunk in exchange.chunks()] == [b"{"]
    assert not exchange.leaves_connection_usable


async def test_an_answer_that_is_complete_is_not_interrupted() -> None:
    exchange = fed(FINE)
    exchange.interrupt(AnswerTimeoutError(1))
    exchange.end(ConnectionResetError())
    assert await read(exchange) == (200, b"{}")
    assert exchange.leaves_connection_usable


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_a_body_until_the_end_of_its_connection_ends_with_it_unless_something_went_wrong(
    error: Exception | None,
) -> None:
    exchange = fed(OK + b"\r\n{}")
    exchange.end(error)
    if error is None:
        assert await read(exchange) == (200, b"{}")
    else:
        assert await cause(exchange) == BROKEN_OFF
    exchange = fed(OK + b"\r\n{}")
    exchange.interrupt(AnswerTimeoutError(1))
    exchange.end(error)
    with pytest.raises(AnswerTimeoutError):
        await read(exchange)


async def test_whoever_waits_is_woken_once_by_whatever_comes() -> None:
    async def told(*events: Any) -> object:
        exchange = exchange_over(Wire())
        reading = asyncio.create_task(read(exchange))
        await asyncio.sleep(0)
        for name, argument in events:
            getattr(exchange, name)(argument)
        try:
            return await reading
        except EgressError as error:
            return type(error)

    halves = FINE[:30], FINE[30:]
    assert await told(("feed", FINE)) == (200, b"{}")
    assert await told(("feed", halves[0]), ("feed", halves[1])) == (200, b"{}")
    assert await told(("feed", OK + b"\r\n{}"), ("end", None)) == (200, b"{}")
    assert await told(("end", None)) is MalformedAnswerError
    assert await told(("interrupt", AnswerTimeoutError(1))) is AnswerTimeoutError
    assert await told(("interrupt", AnswerTimeoutError(1)), ("end", None)) is AnswerTimeoutError


async def test_a_limit_that_is_taken_away_is_none() -> None:
    now = asyncio.get_running_loop().time()
    limited, unlimited = fed(OK), fed(OK)
    for exchange in (limited, unlimited):
        exchange.limit(now, AnswerTimeoutError(1))
    unlimited.unlimited()
    await asyncio.sleep(0.01)
    unlimited.feed(b"Content-Length: 0\r\n\r\n")
    assert await read(unlimited) == (200, b"")
    with pytest.raises(AnswerTimeoutError):
        await read(limited)
    exchange_over(Wire()).unlimited()
