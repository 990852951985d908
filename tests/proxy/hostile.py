"""Servers that answer as they like, byte by byte, and what calls them."""

import asyncio
import contextlib
import socket
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from cathouse.web import OutsideUrlRules
from proxy_service.egress.answers import Answer
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.errors import EgressError
from proxy_service.egress.requests import OutsideRequest
from proxy_service.egress.resolver import GuardedResolver
from tests.fixtures.serving import listen, port_of

LOOPS = [pytest.param(("asyncio", {"use_uvloop": uvloop}), id="uvloop" if uvloop else "asyncio") for uvloop in (1, 0)]
"""Production runs on uvloop, development on Windows on asyncio's own loop."""

OWNER, OTHER_OWNER = uuid.uuid4(), uuid.uuid4()
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FINE = OK + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

INVALID = "The endpoint's answer is not valid HTTP/1.1."
BROKEN_OFF = "The endpoint closed the connection before its answer was complete."
SWITCHED = "The endpoint switched to another protocol."
TOO_MANY = "The endpoint's answer has too many headers."
OTHER_CODING = "The endpoint's answer has a Transfer-Encoding other than chunked."
BODY = b"Content-Length: 2\r\n\r\n{}"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

AT_ONCE_S = 4.0
"""Less than any time-out that would end the call otherwise, and more than a shared machine stands still."""


@dataclass
class Server:
    """What came to it, and when its clients left."""

    port: int
    scheme: str = "http"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    left_at: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/"

    async def until_left(self, connections: int = 1) -> None:
        """Wait until so many clients have gone, and fail if they do not."""
        await at_once(lambda: len(self.left_at) >= connections)


class Visit:
    """One connection, seen from the server."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """Read a request to its end."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        whole = head + await self.reader.readexactly(sum(lengths))
        self._server.requests.append(whole)
        return whole

    async def send(self, *pieces: bytes, every_s: float = 0) -> None:
        """Write piece by piece."""
        for piece in pieces:
            if self.writer.transport.is_closing():  # uvloop's own error would be another one
                raise ConnectionResetError
            self.writer.write(piece)
            await self.writer.drain()
            if every_s:
                await asyncio.sleep(every_s)


Behaviour = Callable[[Visit], Awaitable[None]]


@asynccontextmanager
async def hostile(
    behaviour: Behaviour,
    *,
    listener: socket.socket | None = None,
    tls: ssl.SSLContext | None = None,
    reads_little: bool = False,
) -> AsyncIterator[Server]:
    """Serve each connection with ``behaviour``, then wait for the other side to leave.

    With ``reads_little`` the kernel takes next to nothing in for it.
    """
    own = listener or listen()
    if reads_little:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server = Server(port_of(own), "https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def attend(visit: Visit) -> None:
        server.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await behaviour(visit)
                while await visit.reader.read(65536):
                    pass
            server.left_at.append(time.monotonic())
        finally:
            visit.writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(attend(Visit(server, reader, writer)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    running = await asyncio.start_server(accept, sock=own, ssl=tls)
    try:
        yield server
    finally:
        running.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await none_here(server.port)


def says(*pieces: bytes, every_s: float = 0, then_closes: bool = False) -> Behaviour:
    """Answer each request with the same bytes, piece by piece; the connection stays open unless it ``then_closes``."""

    async def behaviour(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(*pieces, every_s=every_s)
            if then_closes:
                visit.writer.close()
                return

    return behaviour


def pours(start: bytes, again: bytes, *, every_s: float = 0) -> Behaviour:
    """Begin an answer and never end it."""

    async def behaviour(visit: Visit) -> None:
        await visit.request()
        await visit.send(start)
        while True:
            await visit.send(again)
            await asyncio.sleep(every_s)

    return behaviour


async def silent(visit: Visit) -> None:
    """Read the request and never answer."""
    await visit.request()


@asynccontextmanager
async def outside(
    *, tls: ssl.SSLContext | None = None, resolver: GuardedResolver | None = None, private: bool = True
) -> AsyncIterator[OutsideClient]:
    """The door to the outside; with ``private`` it opens to this machine."""
    rules = OutsideUrlRules(allow_private=private)
    client = OutsideClient(rules, resolver or GuardedResolver(allow_private=private), tls=tls)
    try:
        yield client
    finally:
        await client.close()
        await asyncio.sleep(0)


def asking(url: str, *, owner: uuid.UUID = OWNER, body: bytes = b"{}", method: str = "POST") -> OutsideRequest:
    return OutsideRequest(owner, url, {"Content-Type": "application/json"}, body, method)


async def ask(client: OutsideClient, wanted: OutsideRequest, *, timeout_s: float = 10) -> tuple[Answer, bytes]:
    """The answer to a request, and its whole body."""
    async with client.call(wanted, timeout_s=timeout_s) as answer:
        return answer, await answer.read()


def clients_of(port: int) -> int:
    """How many sockets of this process lead to ``port``."""
    return sum(bool(each.raddr) and each.raddr.port == port for each in psutil.Process().net_connections("tcp4"))


async def none_left(port: int, *, but: int = 0) -> None:
    """No socket leads there any more, ``but`` so many of the test's own."""
    await at_once(lambda: clients_of(port) == but)


async def none_here(port: int) -> None:
    """No socket is bound to it any more: the end of uvloop would wait for ever for one that it may not warn of."""
    await at_once(lambda: port not in _own_ports())


def _own_ports() -> set[int]:
    ports = set()
    for entry in list(Path("/dev/fd").iterdir()):
        with contextlib.suppress(OSError):  # what is no socket, or was the folder itself
            each = socket.socket(fileno=int(entry.name))
            try:
                address = each.getsockname()
            finally:
                each.detach()
            if each.family in (socket.AF_INET, socket.AF_INET6):
                ports.add(address[1])
    return ports


async def at_once(holds: Callable[[], bool]) -> None:
    """Wait until something holds, and fail if it does not before any time-out would make it so."""
    loop = asyncio.get_running_loop()
    end = loop.time() + AT_ONCE_S
    while not holds():
        assert loop.time() < end, "it did not come to that"
        await asyncio.sleep(0.005)


async def steady(measure: Callable[[], Awaitable[float]], *, at_most: float) -> float:
    """The seconds that ``measure`` takes; asked again, twice, when they are more: a shared machine stands still."""
    for _ in range(2):
        if (seconds := await measure()) <= at_most:
            return seconds
    return await measure()


async def failure(client: OutsideClient, behaviour: Behaviour, *, timeout_s: float = 10, **wanted: Any) -> EgressError:
    """How a call to an endpoint with this behaviour fails; afterwards no socket is left at either end."""
    async with hostile(behaviour) as server:
        with pytest.raises(EgressError) as raised:
            await ask(client, asking(server.url, **wanted), timeout_s=timeout_s)
        await none_left(server.port)
    return raised.value
