"""Connections are taken as they come, not one in each round of the loop."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from typing import cast

import pytest
import uvloop

from cathouse.web import listener as listener_module
from cathouse.web.listener import Listener
from tests.fixtures.waiting import until

COUNT = 40
ROUNDS = 10


class Greeter(asyncio.Protocol):
    """Says hello to whoever comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast("asyncio.Transport", transport)
        connection.write(b"!")
        connection.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=COUNT) as sock:
        yield sock


@pytest.fixture
def clients(listening: socket.socket) -> Iterator[list[socket.socket]]:
    """They have connected, and wait to be taken."""
    sockets = [socket.create_connection(listening.getsockname()) for _ in range(COUNT)]
    for sock in sockets:
        sock.setblocking(False)
    yield sockets
    for sock in sockets:
        sock.close()


def greeted(clients: list[socket.socket]) -> int:
    count = 0
    for client in clients:
        try:
            count += client.recv(1, socket.MSG_PEEK) == b"!"
        except BlockingIOError:
            continue
    return count


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_crowd_is_taken_within_a_few_rounds(
    make_loop: Callable[[], asyncio.AbstractEventLoop], listening: socket.socket, clients: list[socket.socket]
) -> None:
    async def scene() -> None:
        listener = Listener(listening, Greeter)
        for _ in range(ROUNDS):
            await asyncio.sleep(0)
        assert greeted(clients) == COUNT
        listener.close()
        await listener.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(clients[0].getpeername())

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(scene())


async def test_when_the_system_has_no_more_it_is_tried_again(
    listening: socket.socket, clients: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "_PAUSE_S", 0.0)
    exhausted = Exhausted(listening)
    listener = Listener(exhausted, Greeter)  # type: ignore[arg-type] # a socket in all that is asked of it
    await until(lambda: greeted(clients) == COUNT)
    assert exhausted.refusals == 0
    listener.close()


class Exhausted:
    """A listening socket of a process that has no file descriptor left, for a while."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.refusals = 3

    def __getattr__(self, name: str) -> object:
        return getattr(self._listening, name)

    def accept(self) -> tuple[socket.socket, object]:
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self._listening.accept()
