"""Connections that break or are slow, endpoints that do not read: one answer or one error, and no socket stays."""

import asyncio
import socket
import time
from typing import cast

import pytest

from proxy_service.egress.client import OutsideClient
from proxy_service.egress.errors import AnswerTimeoutError, AnswerTooLargeError, EgressError, MalformedAnswerError
from tests.proxy.hostile import (
    AT_ONCE_S,
    BROKEN_OFF,
    CHUNKED,
    CONTINUE,
    FINE,
    OK,
    OTHER_OWNER,
    Behaviour,
    Visit,
    ask,
    asking,
    failure,
    hostile,
    none_left,
    pours,
    says,
    silent,
)
from tests.proxy.outside.answers import CUT

pytestmark = pytest.mark.usefixtures("kept_long")

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
            await none_left(server.port)
        return raised.value, seconds

    outcomes = await asyncio.gather(*(takes(behaviour) for behaviour in DRIPS.values()))
    for case, (error, seconds) in zip(DRIPS, outcomes, strict=True):
        assert isinstance(error, AnswerTimeoutError), case
        assert (error.status, error.code) == (504, "http_response_timeout")
        assert error.cause == "The endpoint did not finish its answer within 0.3 seconds."
        assert 0.29 < seconds < 0.3 + AT_ONCE_S, case


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
            assert time.monotonic() - started < AT_ONCE_S
        outcomes = await asyncio.gather(*hanging, return_exceptions=True)
        assert {type(each) for each in outcomes} <= {AnswerTimeoutError, AnswerTooLargeError}
        await none_left(bad.port)
