"""A connection by itself, on a wire of the test's own: when it is usable, taken, kept and closed."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from cathouse.tls import client_tls
from proxy_service.egress import connection
from proxy_service.egress.errors import MalformedAnswerError, ServiceEndingError
from proxy_service.egress.resolver import GuardedResolver
from tests.proxy.hostile import FINE, OTHER_OWNER, OWNER, at_once

pytestmark = pytest.mark.usefixtures("kept_long")


class Wire:
    """A transport that notes what is written to it."""

    def __init__(self, own: socket.socket | None = None) -> None:
        self._own = own
        self.written: list[bytes] = []
        self.closing = False

    def get_extra_info(self, name: str) -> socket.socket | None:
        assert name == "socket"
        return self._own

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.closing = True


def connected(own: socket.socket | None = None) -> tuple[connection.Connection, Wire]:
    made, wire = connection.Connection(), Wire(own)
    made.connection_made(cast("asyncio.Transport", wire))
    return made, wire


def test_a_connection_is_usable_from_when_it_is_made_until_it_is_closing_or_lost() -> None:
    unmade = connection.Connection()
    unmade.abort()
    assert not unmade.is_usable
    closing, wire = connected()
    assert closing.is_usable
    wire.closing = True
    assert not closing.is_usable
    lost, _ = connected()
    lost.connection_lost(None)
    assert not lost.is_usable


async def test_nothing_is_sent_over_a_connection_that_is_lost() -> None:
    lost, wire = connected()
    lost.connection_lost(None)
    exchange = lost.begin(b"GET", is_bodiless=False)
    with pytest.raises(MalformedAnswerError):
        await asyncio.wait_for(exchange.head(), 5)
    assert not wire.written


async def read_over(over: connection.Connection, request: bytes = b"GET") -> None:
    """A whole exchange, but for its end."""
    exchange = over.begin(request, is_bodiless=False)
    over.data_received(FINE)
    assert [chunk async for chunk in exchange.chunks()] == [b"{}"]


async def test_a_connection_carries_another_exchange_when_one_was_carried_to_its_end() -> None:
    usable, _ = connected()
    assert usable.finish() is False  # there was none
    await read_over(usable)
    assert usable.finish() is True
    assert usable.finish() is False
    await read_over(usable)
    usable.connection_lost(None)
    assert usable.finish() is False


async def test_a_connection_is_not_kept_behind_a_request_of_more_than_16_kib() -> None:
    for size, is_kept in ((16 * 1024, True), (16 * 1024 + 1, False)):
        usable, _ = connected()
        await read_over(usable, bytes(size))
        assert usable.finish() is is_kept


async def test_an_exchange_that_has_ended_is_limited_no_longer() -> None:
    usable, _ = connected()
    exchange = usable.begin(b"GET", is_bodiless=False)
    exchange.limit(asyncio.get_running_loop().time() + 60, ServiceEndingError())
    usable.finish()
    assert exchange._limit is not None
    assert exchange._limit.cancelled()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


PLACE = connection.Origin(OWNER, "cat.example.com", 443, is_tls=True)


async def test_an_idle_connection_that_is_taken_is_not_closed_as_an_idle_one(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "KEPT_FOR_S", 0.02)
    connections = connection.Connections(GuardedResolver(), client_tls())
    kept, wire = connected(pair[0])
    connections.keep(PLACE, kept)
    assert connections.take(replace(PLACE, owner=OTHER_OWNER)) is None
    assert connections.take(PLACE) is kept
    assert connections.take(PLACE) is None
    await asyncio.sleep(0.05)
    assert not wire.closing
    connections.keep(PLACE, kept)
    await at_once(lambda: wire.closing)


async def test_an_idle_connection_on_which_something_came_is_closed_and_another_one_taken(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    connections = connection.Connections(GuardedResolver(), client_tls())
    ours, theirs = pair
    quiet, _ = connected(theirs)
    spoken_to, wire = connected(ours)
    connections.keep(PLACE, quiet)
    connections.keep(PLACE, spoken_to)
    theirs.send(b"x")
    assert connections.take(PLACE) is quiet
    assert wire.closing


async def test_an_idle_connection_that_is_closing_is_not_taken(pair: tuple[socket.socket, socket.socket]) -> None:
    connections = connection.Connections(GuardedResolver(), client_tls())
    kept, wire = connected(pair[0])
    connections.keep(PLACE, kept)
    wire.closing = True
    assert connections.take(PLACE) is None
