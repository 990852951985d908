"""Calling hosts that users named: one request, one answer, every limit in our hands."""

import asyncio
import contextlib
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any
from urllib.parse import SplitResult, quote

from cathouse.tls import client_tls
from cathouse.web import OutsideUrlRules
from cathouse.web.contract.outside_urls import check_host
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
    _leave: Callable[[], None] = field(repr=False)

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
        async for chunk in self._exchange.chunks():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise AnswerTooLargeError(LARGEST_ANSWER)
        return bytes(body)

    async def discard(self) -> None:
        """Read a little of a body that nobody wants, so that a cat with little to say can finish saying it.

        What is wrong with it does not matter, and it is not waited for beyond the call's time-out.
        """
        left = LARGEST_DISCARDED
        with contextlib.suppress(AnswerTimeoutError, MalformedAnswerError):
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
        self._exchange.unlimited()
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

    def close(self) -> None:
        """End the call, once: a connection whose answer was not read to its end is closed at once."""
        self._leave()

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
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        place = await self._place(request.url)
        origin = Origin(request.owner, place.host, place.port, place.is_tls)
        connection = self._connections.take(origin) if phases is None else None
        if connection is None:
            try:
                async with asyncio.timeout_at(deadline):
                    connection = await _in_like_time(self._connections.open(origin, phases or Phases()))
            except TimeoutError:
                raise AnswerTimeoutError(timeout_s) from None
        try:
            exchange = connection.begin(_serialize(request, place), is_bodiless=request.method == "HEAD")
            exchange.limit(deadline, AnswerTimeoutError(timeout_s))
            started = time.monotonic()
            head = await exchange.head()
            if phases is not None:
                phases.first_byte = time.monotonic() - started
            return _checked(head, rules, exchange, partial(self._leave, origin, connection))
        except BaseException:
            self._leave(origin, connection)
            raise

    async def close(self) -> None:
        """Close what is idle, and end the look-ups."""
        self._connections.close()
        await self._resolver.close()

    async def _place(self, url: str) -> "_Place":
        try:
            return _place(self._rules, url)
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


def _checked(head: Head, rules: AnswerRules, exchange: Exchange, leave: Callable[[], None]) -> Answer:
    if rules.is_failure(head.status):
        raise CatFailedError(head.status)
    returned = {name: value for name, value in head.headers.items() if rules.returns(name)}
    if not all(value.isascii() and value.isprintable() for value in returned.values()):
        raise MalformedAnswerError("The endpoint's answer has a header that is not ASCII.")
    if head.headers.get("content-encoding", "identity").lower() != "identity":
        raise MalformedAnswerError("The endpoint compressed its answer although identity was asked for.")
    return Answer(head.status, returned, exchange, leave)


def host_of(parts: SplitResult) -> str:
    """The host of an acceptable URL in its ASCII form."""
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):  # in development this machine's own names are no public ones
        host = check_host(host)
    return host


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an acceptable URL leads; ``field`` is what stands in Host, ``target`` in the request line."""

    host: str
    port: int
    is_tls: bool
    field: str
    target: str


# The rules and the text say all of it; what the name leads to is looked up for each connection.
@lru_cache(maxsize=4096)
def _place(rules: OutsideUrlRules, url: str) -> _Place:
    """Read an acceptable URL.

    Raises:
        ValueError: it is not acceptable.
    """
    parts = rules.check(url)
    host, is_tls = host_of(parts), parts.scheme == "https"
    usual_port = 443 if is_tls else 80
    port = parts.port or usual_port
    name = f"[{host}]" if ":" in host else host
    return _Place(host, port, is_tls, name if port == usual_port else f"{name}:{port}", _target(parts))


def _target(parts: SplitResult) -> str:
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return quote(target, safe=_SAFE_IN_TARGET)


def _serialize(request: OutsideRequest, place: _Place) -> bytes:
    fields = {"Host": place.field, "Accept-Encoding": "identity", "CDN-Loop": LOOP_TOKEN, **request.headers}
    if request.body or request.method not in ("GET", "HEAD"):
        fields["Content-Length"] = str(len(request.body))
    sent = "".join([*fields, *fields.values()])
    if not (sent.isascii() and sent.isprintable()):
        raise ValueError("a header that cannot be sent: its caller must see to that")
    lines = [f"{request.method} {place.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body
