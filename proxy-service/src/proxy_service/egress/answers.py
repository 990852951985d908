"""What comes back from a host that a user named: which of it is taken, and how its body is read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from proxy_service.egress.errors import (
    AnswerTimeoutError,
    AnswerTooLargeError,
    CatFailedError,
    EgressError,
    MalformedAnswerError,
)
from proxy_service.egress.exchange import Exchange, Head

LARGEST_ANSWER = 5 * 1024 * 1024
LARGEST_DISCARDED = 4 * 1024
"""design/security.md, "The door to the outside"."""


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
            EgressError: the one that ``interrupt`` was given.
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
                is_over = loop.time() >= end
                raise AnswerTimeoutError(total_s if is_over else idle_s, is_silent=not is_over) from None
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        """End the call, once: a connection whose answer was not read to its end is closed at once."""
        self._leave()

    def interrupt(self, error: EgressError) -> None:
        """Let whoever reads the body meet ``error``."""
        self._exchange.interrupt(error)


def accept(head: Head, rules: AnswerRules, exchange: Exchange, leave: Callable[[], None]) -> Answer:
    """The answer that ``head`` begins, where it is one that ``rules`` let in; ``leave`` ends the call.

    Raises:
        CatFailedError, MalformedAnswerError
    """
    if rules.is_failure(head.status):
        raise CatFailedError(head.status)
    returned = {name: value for name, value in head.headers.items() if rules.returns(name)}
    if not all(value.isascii() and value.isprintable() for value in returned.values()):
        raise MalformedAnswerError("The endpoint's answer has a header that is not ASCII.")
    if head.headers.get("content-encoding", "identity").lower() != "identity":
        raise MalformedAnswerError("The endpoint compressed its answer although identity was asked for.")
    return Answer(head.status, returned, exchange, leave)
