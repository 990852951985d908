"""Calling hosts that users named: one request, one answer, every limit in our hands."""

import asyncio
import contextlib
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote

from cathouse.tls import client_tls
from cathouse.web import OutsideUrlRules
from cathouse.web.outside_urls import check_host
from proxy_service.egress.connection import Connection, Connections, Origin
from proxy_service.egress.errors import (
    AnswerTimeoutError,
    AnswerTooLargeError,
    CatFailedError,
    DestinationUnavailableError,
    EgressError,
    MalformedAnswerError,
)
from proxy_service.egress.exchange import Exchange, Head
from proxy_service.egress.phases import Phases
from proxy_service.egress.resolver import GuardedResolver

LARGEST_ANSWER = 5 * 1024 * 1024
LARGEST_DISCARDED = 4 * 1024
"""All numbers without another source: design/security.md, "The door to the outside"."""

LIKE_TIME_S = 0.5
"""A destination that is unavailable is reported at a multiple of this: how long it took would tell a name that does not
exist from one that leads where we do not connect to."""

LOOP_TOKEN = "cathouse"  # noqa: S105 - a name, not a secret
"""Our name in ``CDN-Loop`` (RFC 8586)."""

_SAFE_IN_TARGET = "/%:@!$&'()*+,;=~-._?"


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """What of an answer is taken: which header fields come back, and which statuses are a failure."""

    returns: Callable[[str], bool]
    is_failure: Callable[[int], bool]


FROM_CATS = AnswerRules(
    returns=frozenset({"content-type", "content-language", "retry-after"}).__contains__,
    is_failure=lambda status: 300 <= status < 400 or status in (401, 407) or status >= 500,
)
"""design/api.md, proxy-service: "What the cat receives" and "Failures"."""


@dataclass(frozen=True, slots=True)
class OutsideRequest:
    """A request to a host that a user named. ``owner`` is the cat that it is made for or about."""

    owner: uuid.UUID
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose head has come; the body is read by one of its methods."""

    status: int
    headers: Mapping[str, str]
    _exchange: Exchange = field(repr=False)
    _deadline: float
    _timeout_s: float

    @property
    def media_type(self) -> str:
        """Without parameters, lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    async def read(self) -> bytes:
        """The whole body, which must be there within the call's time-out.

        Raises:
            AnswerTimeoutError, AnswerTooLargeError, MalformedAnswerError
        """
        body = bytearray()
        try:
            async with asyncio.timeout_at(self._deadline):
                async for chunk in self._exchange.chunks():
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        raise AnswerTooLargeError(LARGEST_ANSWER)
        except TimeoutError:
            raise AnswerTimeoutError(self._timeout_s) from None
        return bytes(body)

    async def discard(self) -> None:
        """Read a little of a body that nobody wants, so that a cat with little to say can finish saying it.

        What is wrong with it does not matter, and it is not waited for beyond the call's time-out.
        """
        left = LARGEST_DISCARDED
        with contextlib.suppress(TimeoutError, MalformedAnswerError):
            async with asyncio.timeout_at(self._deadline):
                async for chunk in self._exchange.chunks():
                    left -= len(chunk)
                    if left <= 0:
                        return

    async def stream(self, *, idle_s: float, total_s: float) -> AsyncIterator[bytes]:
        """The body as it comes.

        Raises:
            AnswerTimeoutError: when nothing came for ``idle_s`` seconds, or it did not end within ``total_s``.
            MalformedAnswerError: when it broke off.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + total_s
        chunks = self._exchange.chunks()
        while True:
            # Around the wait for the cat alone: how long the player takes to read is not counted, and never cut short.
            try:
                async with asyncio.timeout_at(min(end, loop.time() + idle_s)):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise AnswerTimeoutError(total_s if loop.time() >= end else idle_s) from None
            if chunk is None:
                return
            yield chunk

    def interrupt(self, error: EgressError) -> None:
        """Let whoever reads the body meet ``error``."""
        self._exchange.interrupt(error)


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
        """Send ``request`` and hand over the answer when its head has come.

        Leaving the block ends the call: a connection whose answer was not read to its end is closed at once.
        ``timeout_s`` bounds everything up to the head, and :meth:`Answer.read` and :meth:`Answer.discard`.
        With ``phases`` a new connection is made, and they are filled in as far as the call gets.

        Raises:
            EgressError: one of its kinds, when there is no usable answer.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        measured = Phases() if phases is None else phases
        origin, target = await self._place(request)
        try:
            async with asyncio.timeout_at(deadline):
                connection = self._connections.take(origin) if phases is None else None
                connection = connection or await _in_like_time(self._connections.open(origin, measured))
        except TimeoutError:
            raise AnswerTimeoutError(timeout_s) from None
        try:
            exchange = connection.begin(_serialize(request, origin, target), is_bodiless=request.method == "HEAD")
            head = await _head(exchange, deadline, timeout_s, measured)
            yield _checked(head, rules, exchange, deadline, timeout_s)
        finally:
            self._leave(origin, connection)

    async def close(self) -> None:
        """Close what is idle, and end the look-ups."""
        self._connections.close()
        await self._resolver.close()

    async def _place(self, request: OutsideRequest) -> tuple[Origin, str]:
        try:
            parts = self._rules.check(request.url)
        except ValueError:
            await asyncio.sleep(LIKE_TIME_S)
            raise DestinationUnavailableError from None
        return _origin(request.owner, parts), _target(parts)

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


async def _head(exchange: Exchange, deadline: float, timeout_s: float, phases: Phases) -> Head:
    started = time.monotonic()
    try:
        async with asyncio.timeout_at(deadline):
            head = await exchange.head()
    except TimeoutError:
        raise AnswerTimeoutError(timeout_s) from None
    phases.first_byte = time.monotonic() - started
    return head


def _checked(head: Head, rules: AnswerRules, exchange: Exchange, deadline: float, timeout_s: float) -> Answer:
    if rules.is_failure(head.status):
        raise CatFailedError(head.status)
    returned = {name: value for name, value in head.headers.items() if rules.returns(name)}
    if not all(value.isascii() and value.isprintable() for value in returned.values()):
        raise MalformedAnswerError("The endpoint's answer has a header that is not ASCII.")
    if head.headers.get("content-encoding", "identity").lower() != "identity":
        raise MalformedAnswerError("The endpoint compressed its answer although identity was asked for.")
    return Answer(head.status, returned, exchange, deadline, timeout_s)


def host_of(parts: SplitResult) -> str:
    """The host of an acceptable URL in its ASCII form."""
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):  # in development this machine's own names are no public ones
        host = check_host(host)
    return host


def _origin(owner: uuid.UUID, parts: SplitResult) -> Origin:
    is_tls = parts.scheme == "https"
    return Origin(owner, host_of(parts), parts.port or (443 if is_tls else 80), is_tls)


def _target(parts: SplitResult) -> str:
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return quote(target, safe=_SAFE_IN_TARGET)


def _serialize(request: OutsideRequest, origin: Origin, target: str) -> bytes:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    if origin.port != (443 if origin.is_tls else 80):
        host += f":{origin.port}"
    fields = {"Host": host, "Accept-Encoding": "identity", "CDN-Loop": LOOP_TOKEN, **request.headers}
    if request.body or request.method not in ("GET", "HEAD"):
        fields["Content-Length"] = str(len(request.body))
    if not all(f"{name}{value}".isascii() and f"{name}{value}".isprintable() for name, value in fields.items()):
        raise ValueError("a header that cannot be sent: its caller must see to that")
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body
