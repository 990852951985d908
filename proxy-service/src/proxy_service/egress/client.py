"""Calling hosts that users named: one request, one answer, every limit in our hands."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from cathouse.tls import client_tls
from cathouse.web import OutsideUrlRules
from proxy_service.egress.answers import FROM_CATS, Answer, AnswerRules, accept
from proxy_service.egress.connection import Connection, Connections, Origin
from proxy_service.egress.errors import AnswerTimeoutError, DestinationUnavailableError
from proxy_service.egress.phases import Phases
from proxy_service.egress.requests import Destination, OutsideRequest, destination_of, serialize
from proxy_service.egress.resolver import GuardedResolver

LIKE_TIME_S = 0.5
"""A destination that is unavailable is reported at a multiple of this: how long it took would tell a name that does not
exist from one that leads where we do not connect to."""


class OutsideClient:
    """The only thing in Cat House that connects to a host which a user named."""

    def __init__(self, rules: OutsideUrlRules, resolver: GuardedResolver, *, tls: ssl.SSLContext | None = None) -> None:
        """``tls`` says which authorities are believed: the public ones, when nothing else is said."""
        self._rules = rules
        self._resolver = resolver
        self._connections = Connections(resolver, tls or client_tls())

    @asynccontextmanager
    async def call(
        self,
        request: OutsideRequest,
        *,
        timeout_s: float,
        rules: AnswerRules = FROM_CATS,
        phases: Phases | None = None,
    ) -> AsyncIterator[Answer]:
        """:meth:`begin`; leaving the block ends the call."""
        answer = await self.begin(request, timeout_s=timeout_s, rules=rules, phases=phases)
        try:
            yield answer
        finally:
            answer.close()

    async def begin(
        self,
        request: OutsideRequest,
        *,
        timeout_s: float,
        rules: AnswerRules = FROM_CATS,
        phases: Phases | None = None,
    ) -> Answer:
        """Send ``request`` and return the answer when its head has come. Whoever gets it must close it.

        ``timeout_s`` bounds everything up to the head, and :meth:`Answer.read` and :meth:`Answer.discard`.
        With ``phases`` a new connection is made, and they are filled in as far as the call gets.

        Raises:
            EgressError: one of its kinds, when there is no usable answer.
            HouseBusyError: this process may open no further connection.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        destination = await self._destination(request.url)
        origin = Origin(request.owner, destination.host, destination.port, destination.is_tls)
        connection = self._connections.take(origin) if phases is None else None
        if connection is None:
            try:
                async with asyncio.timeout_at(deadline):
                    connection = await _in_like_time(self._connections.open(origin, phases or Phases()))
            except TimeoutError:
                raise AnswerTimeoutError(timeout_s) from None
        try:
            exchange = connection.begin(serialize(request, destination), is_bodiless=request.method == "HEAD")
            exchange.limit(deadline, AnswerTimeoutError(timeout_s))
            started = time.monotonic()
            head = await exchange.head()
            if phases is not None:
                phases.first_byte = time.monotonic() - started
            return accept(head, rules, exchange, partial(self._leave, origin, connection))
        except BaseException:
            self._leave(origin, connection)
            raise

    async def close(self) -> None:
        """Close what is idle, and end the look-ups."""
        self._connections.close()
        await self._resolver.close()

    async def _destination(self, url: str) -> Destination:
        try:
            return destination_of(self._rules, url)
        except ValueError:
            await asyncio.sleep(LIKE_TIME_S)
            raise DestinationUnavailableError from None

    def _leave(self, origin: Origin, connection: Connection) -> None:
        if connection.finish():
            self._connections.keep(origin, connection)
        else:
            connection.abort()


async def _in_like_time(opening: Coroutine[Any, Any, Connection]) -> Connection:
    started = time.monotonic()
    try:
        return await opening
    except DestinationUnavailableError:
        passed = time.monotonic() - started
        await asyncio.sleep(LIKE_TIME_S - passed % LIKE_TIME_S)
        raise
