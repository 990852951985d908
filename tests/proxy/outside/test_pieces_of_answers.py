"""The same bytes are the same answer in whatever pieces they come, and no bytes are more than an error of ours."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy_service.egress.errors import EgressError
from proxy_service.egress.exchange import Exchange
from tests.proxy.hostile import BODY, BROKEN_OFF, CHUNKED, CONTINUE, FINE, INVALID, OK, OTHER_CODING, SWITCHED, TOO_MANY


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
