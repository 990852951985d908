"""What a cat answers, on its way to the player: as a whole, or as events that come one by one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from cathouse.schema import CLIENT_LEFT
from proxy_service.egress.answers import Answer
from proxy_service.egress.breakers import Passage
from proxy_service.egress.errors import EgressError, MalformedAnswerError, ServiceEndingError
from proxy_service.reports import Record

STREAM_IDLE_S = 30.0
STREAM_TOTAL_S = 300.0
"""design/security.md, "The door to the outside"."""

ENDING_GRACE_S = 1.5
"""Less than SHUTDOWN_TIMEOUT, which cuts off whatever is left."""

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Reply:
    """A cat's whole answer, passed on as it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ReplyStream:
    """A cat's events, passed on as they come. Whoever gets one must ``close`` it, whether it was read or not."""

    def __init__(self, answer: Answer, record: Record, passage: Passage, held: "Held") -> None:
        """``held`` is what has to be given back when the stream ends: the connection, and the place at the cat."""
        self.status = answer.status
        self.headers = answer.headers
        self._answer = answer
        self._record = record
        self._passage = passage
        self._held = held
        self._sent = 0
        self._outcome: str | None = CLIENT_LEFT

    async def events(self) -> AsyncIterator[bytes]:
        """The bytes of the events; a failure in the middle is an event ``error``, since the status has been sent."""
        try:
            async for chunk in self._answer.stream(idle_s=STREAM_IDLE_S, total_s=STREAM_TOTAL_S):
                self._sent += len(chunk)
                yield chunk
            self._outcome = None
        except EgressError as error:
            self._outcome = error.proxy_error
            if not isinstance(error, ServiceEndingError):
                self._passage.failed(error)
            yield _error_event(error)

    def end_soon(self) -> None:
        """The process ends: a cat that is nearly done may finish, then the player is told."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(ENDING_GRACE_S, self._answer.interrupt, ServiceEndingError())
        self._held.add(timer.cancel)

    async def close(self) -> None:
        """Close the connection to the cat, and report how it went."""
        self._held.release()
        self._record.finish(status=self.status, proxy_error=self._outcome, bytes_out=self._sent)


class Held:
    """What a call has to give back, last taken first."""

    def __init__(self, releases: list[Callable[[], object]] | None = None) -> None:
        self._releases = releases or []

    def add(self, release: Callable[[], object]) -> None:
        """Take note of how to give back what was just taken."""
        self._releases.append(release)

    def release(self) -> None:
        """Give all of it back."""
        while self._releases:
            self._releases.pop()()

    def hand_over(self) -> "Held":
        """All of it to somebody else, who gives it back later."""
        releases, self._releases = self._releases, []
        return Held(releases)


async def whole(answer: Answer) -> Reply:
    """An answer that is no stream, read to its end.

    Raises:
        EgressError: it is none that a player can be given.
    """
    body = await answer.read()
    if answer.status < 400:
        _check_output(answer, body)
    return Reply(answer.status, answer.headers, body)


def _check_output(answer: Answer, body: bytes) -> None:
    if answer.media_type != "application/json":
        raise MalformedAnswerError("The cat did not answer with application/json.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedAnswerError("The cat's answer is not JSON.") from None
    if not isinstance(document, dict) or "output" not in document:
        raise MalformedAnswerError('The cat\'s answer has no "output".')


def _error_event(error: EgressError) -> bytes:
    data = json.dumps({"code": error.code, "detail": error.detail})
    # The blank line first ends an event that broke off in the middle.
    return f"\n\nevent: error\ndata: {data}\n\n".encode()
