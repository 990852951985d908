"""The rules of interactions: who may talk to which cat, what the cat is told, and what comes back."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cathouse.database import AnyRow, BatchLoader, Database
from cathouse.schema import CatStatus, InstallationStatus, InteractionKind
from cathouse.web import Limiter, Rates, Reading
from proxy_service.deliveries.messenger import Messenger
from proxy_service.egress.breakers import Breakers, Passage
from proxy_service.egress.client import Answer
from proxy_service.egress.errors import EgressError, MalformedAnswerError, ServiceEndingError
from proxy_service.egress.shares import Shares
from proxy_service.interactions import repository
from proxy_service.interactions.errors import (
    CatSuspendedError,
    CatWithoutReleaseError,
    InstallationNotFoundError,
    InstallationPausedError,
    InstallationSuspendedError,
    InstallationUninstalledError,
)
from proxy_service.reports import InteractionReporter, Record

STREAM_IDLE_S = 30.0
STREAM_TOTAL_S = 300.0
"""design/security.md, "The door to the outside"."""

ENDING_GRACE_S = 1.5
"""Less than SHUTDOWN_TIMEOUT, which cuts off whatever is left."""

MOST_FOR_INSTALLATION = 5
MOST_FOR_CAT = 50
MOST_IN_ALL = 500
"""At once. All numbers: design/security.md, "The door to the outside"."""

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Reply:
    """A cat's whole answer, passed on as it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ReplyStream:
    """A cat's events, passed on as they come. Whoever gets one must ``close`` it, whether it was read or not."""

    def __init__(self, answer: Answer, record: Record, passage: Passage, held: "_Held") -> None:
        """``held`` is what has to be given back when the stream ends: the connection, and the place at the cat."""
        self.status = answer.status
        self.headers = answer.headers
        self._answer = answer
        self._record = record
        self._passage = passage
        self._held = held
        self._sent = 0
        self._outcome: str | None = "client_left"

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


class _Held:
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

    def hand_over(self) -> "_Held":
        """All of it to somebody else, who gives it back later."""
        releases, self._releases = self._releases, []
        return _Held(releases)


class InteractionService:
    """Lets players talk to cats.

    Nothing about authorisation is kept between two calls: each asks the database, and concurrent ones share a query.
    No database connection is held while a cat is waited for.
    """

    def __init__(
        self,
        database: Database,
        messenger: Messenger,
        reporter: InteractionReporter,
        *,
        breakers: Breakers,
        limiter: Limiter,
        rates: Rates,
    ) -> None:
        """``rates`` is what an installation is held to."""
        self._database = database
        self._messenger = messenger
        self._reporter = reporter
        self._breakers = breakers
        self._limiter = limiter
        self._rates = rates
        self._shares = Shares(installation=MOST_FOR_INSTALLATION, cat=MOST_FOR_CAT, total=MOST_IN_ALL)
        self._targets: BatchLoader[repository.Key, AnyRow] = BatchLoader(self._load)

    def readings(self) -> Sequence[Reading]:
        """What Prometheus is shown."""
        text = "Interactions for which a cat is waited, streams among them."
        return (Reading("cathouse_interactions_under_way", text, lambda: self._shares.under_way),)

    async def interact(
        self,
        user_id: uuid.UUID,
        installation_id: uuid.UUID,
        said: Any,  # noqa: ANN401 - any JSON value
        *,
        accept: str,
    ) -> Reply | ReplyStream:
        """Hand what the player said to the cat, and its answer back.

        Raises:
            InstallationNotFoundError, InstallationUninstalledError, CatSuspendedError, InstallationSuspendedError,
            InstallationPausedError, CatWithoutReleaseError: the player may not ask the cat.
            RateLimitedError, RefusedCallError: not at this moment.
            SigningRootRetiredError: nobody may, until the cat's secret is rotated.
            EgressError: the cat was asked and gave no usable answer.
        """
        target = _reachable(await self._targets.get((installation_id, user_id)))
        await self._limiter.hit(str(installation_id), self._rates)
        message = self._messenger.about_installation(target, InteractionKind.INTERACTION, input=said)
        held = _Held()
        try:
            held.add(self._shares.hold(target.cat_id, installation_id).release)
            passage = self._breakers.passage(target.cat_id)
            held.add(passage.end)
            record = Record(
                self._reporter,
                installation_id=installation_id,
                cat_id=target.cat_id,
                kind=InteractionKind.INTERACTION,
                bytes_in=len(message.body),
            )
            try:
                answer = await self._messenger.begin(message, accept=accept)
                held.add(answer.close)
                if answer.media_type == EVENT_STREAM and answer.status < 400:
                    passage.succeeded()
                    # The stream outlives this call: it takes over what has to be given back.
                    return ReplyStream(answer, record, passage, held.hand_over())
                reply = await _whole(answer)
            except EgressError as error:
                passage.failed(error)
                record.finish(status=error.status, proxy_error=error.proxy_error)
                raise
            except asyncio.CancelledError:
                record.finish(status=499, proxy_error="client_left")
                raise
            passage.succeeded()
            record.finish(status=reply.status, bytes_out=len(reply.body))
            return reply
        finally:
            held.release()

    async def _load(self, keys: Sequence[repository.Key]) -> Mapping[repository.Key, AnyRow]:
        return await self._database.read(lambda session: repository.find_targets(session, keys))


def _reachable(target: AnyRow | None) -> AnyRow:
    """``target``, when the player may talk to the cat at this moment."""
    if target is None:
        raise InstallationNotFoundError
    if target.status == InstallationStatus.UNINSTALLED:
        raise InstallationUninstalledError
    if target.cat_status == CatStatus.SUSPENDED:
        raise CatSuspendedError
    if target.developer_suspended_at is not None or target.operator_suspended_at is not None:
        raise InstallationSuspendedError
    if target.status == InstallationStatus.PAUSED:
        raise InstallationPausedError
    if target.release_id is None:
        raise CatWithoutReleaseError
    return target


async def _whole(answer: Answer) -> Reply:
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
