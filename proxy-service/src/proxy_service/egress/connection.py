"""Connections to one origin each: made to an address that was checked, and kept for one cat alone."""

import asyncio
import select
import socket
import ssl
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import structlog
from aiohappyeyeballs import start_connection

from cathouse.web import EXHAUSTED
from proxy_service.egress.addresses import Address
from proxy_service.egress.errors import ConnectTimeoutError, DestinationUnavailableError, HouseBusyError, TlsError
from proxy_service.egress.exchange import Exchange
from proxy_service.egress.phases import Phases, Stopwatch
from proxy_service.egress.resolver import GuardedResolver, UnresolvedError

CONNECT_TIMEOUT_S = 3.0
"""TCP and TLS together, over all addresses of a name. design/security.md, "The door to the outside"."""

SECOND_ADDRESS_AFTER_S = 0.25
"""RFC 8305 section 8: how long an address may take before the next one is tried beside it."""

MOST_TRIED = 8
"""Of a name's addresses. A name may have hundreds, and be somebody else's way to have us knock at all of them."""

AGAIN_AFTER_S = 0.1
"""A connection that was refused is tried once more, since nothing was sent: a server that restarts is not down."""

KEPT_FOR_S = 1.0
"""How long an idle connection is kept: less than servers do (gunicorn 2 s, uvicorn and Node.js 5 s), so that none is
used in the moment in which the other side closes it."""

LARGEST_BEFORE_KEPT = 16 * 1024
"""Behind a larger request (in bytes) a connection is not kept: an endpoint may answer without having read it, and
neither the kernel nor a transport of TLS says how much arrived. So much is on its way as soon as it is written."""

MOST_KEPT = 500
"""Idle connections of all cats together."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection of a cat leads. Two cats never share one, not even to the same host."""

    owner: uuid.UUID
    host: str
    port: int
    is_tls: bool


class Connection(asyncio.Protocol):
    """One connection; it carries one exchange at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._request_bytes = 0
        self._exchange: Exchange | None = None
        self.is_lost = False
        self.when_lost: Callable[[], None] | None = None

    @property
    def is_usable(self) -> bool:
        """Whether a request may be sent over it."""
        return self._transport is not None and not self.is_lost and not self._transport.is_closing()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits to be read from it, not even its end, which asyncio may not have told us yet."""
        poll = select.poll()
        poll.register(cast("asyncio.Transport", self._transport).get_extra_info("socket"), select.POLLIN)
        return not poll.poll(0)

    def begin(self, request: bytes, *, is_bodiless: bool) -> Exchange:
        """Send a request and return what its answer will come by."""
        transport = cast("asyncio.Transport", self._transport)
        self._exchange = Exchange(transport, is_bodiless=is_bodiless)
        self._request_bytes = len(request)
        if self.is_usable:
            transport.write(request)
        else:  # an endpoint that spoke before it was spoken to, or hung up
            self._exchange.end(None)
        return self._exchange

    def finish(self) -> bool:
        """End the exchange; whether the connection can carry another one."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.unlimited()
        if exchange is None or not self.is_usable:
            return False
        return self._request_bytes <= LARGEST_BEFORE_KEPT and exchange.leaves_connection_usable

    def abort(self) -> None:
        """Close it at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: it is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Asyncio's: something came. Over an idle connection nothing must."""
        if self._exchange is None:
            self.abort()
        else:
            self._exchange.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's: it is closed."""
        self.is_lost = True
        if self._exchange is not None:
            self._exchange.end(exc)
        if self.when_lost is not None:
            self.when_lost()


class Connections:
    """Opens connections, and keeps idle ones for a moment."""

    def __init__(self, resolver: GuardedResolver, tls: ssl.SSLContext) -> None:
        """``tls`` says which authorities are believed."""
        self._resolver = resolver
        self._tls = tls
        self._idle: OrderedDict[Connection, tuple[Origin, asyncio.TimerHandle]] = OrderedDict()
        self._by_origin: dict[Origin, list[Connection]] = {}

    def take(self, origin: Origin) -> Connection | None:
        """An idle connection that is open as far as we know, or None."""
        while kept := self._by_origin.get(origin):
            connection = kept[-1]
            self._forget(connection)
            if connection.is_usable and connection.is_quiet:
                return connection
            connection.abort()
        return None

    async def open(self, origin: Origin, phases: Phases) -> Connection:
        """A new connection to an address of the host that was checked, its certificate verified for the name.

        Raises:
            DestinationUnavailableError: no such name, a forbidden address, nobody listens.
            ConnectTimeoutError, TlsError
            HouseBusyError: this process may open nothing more.
        """
        watch = Stopwatch()
        try:
            addresses = await self._resolver.resolve(origin.owner, origin.host)
        except UnresolvedError:
            raise DestinationUnavailableError from None
        phases.lookup = watch.lap()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                raw = await _connect(addresses, origin.port)
                phases.connect = watch.lap()
                connection = await self._wrap(raw, origin)
                phases.tls = watch.lap() if origin.is_tls else None
        except TimeoutError:
            raise ConnectTimeoutError(CONNECT_TIMEOUT_S) from None
        except OSError as error:
            if error.errno in EXHAUSTED:  # the fault is ours, not the cat's
                _logger.error("egress.exhausted", cause=str(error))  # noqa: TRY400 - told, not traced
                raise HouseBusyError from None
            raise DestinationUnavailableError from None
        return connection

    def keep(self, origin: Origin, connection: Connection) -> None:
        """Keep an idle connection for the next call of the same cat to the same place."""
        while len(self._idle) >= MOST_KEPT:
            oldest = next(iter(self._idle))
            self._forget(oldest)
            oldest.abort()
        self._idle[connection] = origin, asyncio.get_running_loop().call_later(KEPT_FOR_S, connection.abort)
        self._by_origin.setdefault(origin, []).append(connection)
        connection.when_lost = lambda: self._forget(connection)

    def close(self) -> None:
        """Close the idle ones."""
        for connection in list(self._idle):
            connection.abort()

    def _forget(self, connection: Connection) -> None:
        kept_as = self._idle.pop(connection, None)
        if kept_as is None:
            return
        origin, timer = kept_as
        timer.cancel()
        connection.when_lost = None
        kept = self._by_origin[origin]
        kept.remove(connection)
        if not kept:
            del self._by_origin[origin]

    async def _wrap(self, raw: socket.socket, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            if not origin.is_tls:
                _, connection = await loop.create_connection(Connection, sock=raw)
                return connection
            try:
                _, connection = await loop.create_connection(
                    Connection,
                    sock=raw,
                    ssl=self._tls,
                    server_hostname=origin.host,
                    ssl_handshake_timeout=2 * CONNECT_TIMEOUT_S,  # the caller's time-out comes first and says more
                )
            except OSError:  # ssl.SSLError, and a peer that hangs up in the middle of the handshake
                raise TlsError from None
        except BaseException:
            raw.close()
            raise
        return connection


async def _connect(addresses: Sequence[Address], port: int) -> socket.socket:
    found = [_address_info(address, port) for address in addresses[:MOST_TRIED]]
    try:
        try:
            return await start_connection(found, happy_eyeballs_delay=SECOND_ADDRESS_AFTER_S)
        except ConnectionRefusedError:
            await asyncio.sleep(AGAIN_AFTER_S)
            return await start_connection(found, happy_eyeballs_delay=SECOND_ADDRESS_AFTER_S)
    except RuntimeError as error:  # uvloop's, for what is an OSError elsewhere
        raise OSError(str(error)) from error


AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


def _address_info(address: Address, port: int) -> AddressInfo:
    if address.version == 4:
        return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port))
    return (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port, 0, 0))
