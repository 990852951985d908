"""Calling a cat: one POST over a connection of its own, with every limit in our hands."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain

import aiohttp

from cathouse.web import OutsideUrlRules
from proxy_service.egress.errors import (
    AnswerTimeoutError,
    AnswerTooLargeError,
    CatFailedError,
    ConnectTimeoutError,
    DestinationUnavailableError,
    MalformedAnswerError,
    TlsError,
)
from proxy_service.egress.resolver import GuardedResolver

CONNECT_TIMEOUT_S = 3.0
LARGEST_ANSWER = 5 * 1024 * 1024
LARGEST_DISCARDED = 4 * 1024
LARGEST_HEADERS = 32 * 1024
MOST_HEADERS = 100
MOST_CALLS = 500
"""At once, over all cats. All numbers: design/security.md, "The door to the outside"."""

_CHUNK = 64 * 1024
# What comes back from a cat besides its body.
_ANSWER_HEADERS = ("content-type", "content-language", "retry-after")


@dataclass(frozen=True, slots=True)
class Answer:
    """A cat's answer whose head has come; the body is read by one of its methods."""

    status: int
    headers: Mapping[str, str]
    _response: aiohttp.ClientResponse
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
                async for chunk in self._chunks():
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
                async for chunk in self._chunks():
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
        chunks = self._chunks()
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

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError):
            raise MalformedAnswerError("The cat's answer broke off.") from None


class OutsideClient:
    """The only thing in Cat House that connects to a host which a user named."""

    def __init__(self, rules: OutsideUrlRules) -> None:
        self._rules = rules
        # force_close: a connection serves one call, so no two cats ever share one.
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(allow_private=rules.allow_private),
            use_dns_cache=False,
            limit=MOST_CALLS,
            force_close=True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
            max_line_size=LARGEST_HEADERS,
            max_field_size=LARGEST_HEADERS,
        )

    @asynccontextmanager
    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, accept: str = "application/json"
    ) -> AsyncIterator[Answer]:
        """Send ``body`` and hand over the answer when its head has come; leaving the block closes the connection.

        ``timeout_s`` bounds everything up to the head, and :meth:`Answer.read` and :meth:`Answer.discard`.

        Raises:
            EgressError: one of its kinds, when there is no usable answer. A redirect, and a status that asks for
                authentication or means a failure of the cat, are no usable answers.
        """
        try:
            self._rules.check(url)
        except ValueError:
            raise DestinationUnavailableError from None
        deadline = asyncio.get_running_loop().time() + timeout_s
        response = await self._send(url, body, {**headers, "Accept": accept}, timeout_s)
        try:
            _check_head(response)
            chosen = {name: response.headers[name] for name in _ANSWER_HEADERS if name in response.headers}
            yield Answer(response.status, chosen, response, deadline, timeout_s)
        finally:
            response.close()

    async def close(self) -> None:
        """End every call."""
        await self._session.close()

    async def _send(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> aiohttp.ClientResponse:
        sent = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
        try:
            async with asyncio.timeout(timeout_s):
                return await self._session.post(url, data=body, headers=sent, allow_redirects=False)
        except aiohttp.ConnectionTimeoutError:
            raise ConnectTimeoutError(CONNECT_TIMEOUT_S) from None
        except TimeoutError:
            raise AnswerTimeoutError(timeout_s) from None
        except (aiohttp.ClientSSLError, ssl.SSLError):
            raise TlsError from None
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL):
            raise DestinationUnavailableError from None
        except (aiohttp.ClientError, ValueError):
            raise MalformedAnswerError("The cat's answer is not HTTP, or it broke off.") from None
        except OSError:
            raise DestinationUnavailableError from None


def _check_head(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if not 200 <= status <= 599:
        raise MalformedAnswerError(f"The cat answered with status {status}, which does not exist.")
    if 300 <= status < 400 or status in (401, 407) or status >= 500:
        raise CatFailedError(status)
    if len(response.raw_headers) > MOST_HEADERS or sum(map(len, chain(*response.raw_headers))) > LARGEST_HEADERS:
        raise MalformedAnswerError("The cat's answer has too many headers.")
    if not all(response.headers.get(name, "").isascii() for name in _ANSWER_HEADERS):
        raise MalformedAnswerError("The cat's answer has a header that is not ASCII.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise MalformedAnswerError("The cat compressed its answer although identity was asked for.")
    if "content-length" in response.headers and "transfer-encoding" in response.headers:
        raise MalformedAnswerError("The cat's answer carries both Content-Length and Transfer-Encoding.")
