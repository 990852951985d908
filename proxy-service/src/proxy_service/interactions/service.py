"""The rules of interactions: who may talk to which cat, what the cat is told, and what comes back."""

import asyncio
import datetime as dt
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from cathouse.database import AnyRow, BatchLoader, Database
from cathouse.identity import Keyring
from cathouse.schema import CatStatus, InstallationStatus
from proxy_service.deliveries.callbacks import Callbacks
from proxy_service.deliveries.envelopes import CatIdentity, envelope, installation_parts, new_message_id
from proxy_service.deliveries.service import signing_state
from proxy_service.deliveries.signatures import signed_headers
from proxy_service.egress.client import Answer, OutsideClient
from proxy_service.egress.errors import EgressError, MalformedAnswerError
from proxy_service.interactions import repository
from proxy_service.interactions.errors import (
    CatSuspendedError,
    CatWithoutReleaseError,
    InstallationNotFoundError,
    InstallationPausedError,
    InstallationSuspendedError,
    InstallationUninstalledError,
)
from proxy_service.interactions.reports import InteractionReport, InteractionReporter

STREAM_IDLE_S = 30.0
STREAM_TOTAL_S = 300.0

EVENT_STREAM = "text/event-stream"
_KIND = "interaction"


@dataclass(frozen=True, slots=True)
class Reply:
    """A cat's whole answer, passed on as it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ReplyStream:
    """A cat's events, passed on as they come. Whoever gets one must ``close`` it, whether it was read or not."""

    def __init__(self, answer: Answer, record: "_Record", connection: AsyncExitStack) -> None:
        """``connection`` is what has to be closed when the stream ends."""
        self.status = answer.status
        self.headers = answer.headers
        self._answer = answer
        self._record = record
        self._connection = connection
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
            yield _error_event(error)

    async def close(self) -> None:
        """Close the connection to the cat, and report how it went."""
        await self._connection.aclose()
        self._record.finish(status=self.status, proxy_error=self._outcome, bytes_out=self._sent)


class InteractionService:
    """Lets players talk to cats.

    Nothing about authorisation is kept between two calls: each asks the database, and concurrent ones share a query.
    No database connection is held while a cat is waited for.
    """

    def __init__(
        self,
        database: Database,
        outside: OutsideClient,
        reporter: InteractionReporter,
        *,
        signing_keys: Keyring,
        callbacks: Callbacks,
    ) -> None:
        self._database = database
        self._outside = outside
        self._reporter = reporter
        self._signing_keys = signing_keys
        self._callbacks = callbacks
        self._targets: BatchLoader[repository.Key, AnyRow] = BatchLoader(self._load)

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
            InstallationPausedError: the cat was not asked.
            EgressError: the cat was asked and gave no usable answer.
        """
        target = await self._targets.get((installation_id, user_id))
        _check_reachable(target)
        if target is None:
            raise InstallationNotFoundError
        message_id = new_message_id()
        body = self._envelope(target, message_id, said)
        headers = signed_headers(self._signing_keys, signing_state(target), message_id=message_id, body=body)
        record = _Record(target, self._reporter, bytes_in=len(body))
        async with AsyncExitStack() as stack:
            try:
                call = self._outside.post(target.endpoint_url, body, headers, timeout_s=target.timeout_s, accept=accept)
                answer = await stack.enter_async_context(call)
                if answer.media_type == EVENT_STREAM and answer.status < 400:
                    # The stream outlives this call: it takes over what has to be closed.
                    return ReplyStream(answer, record, stack.pop_all())
                reply = await _whole(answer)
            except EgressError as error:
                record.finish(status=error.status, proxy_error=error.proxy_error)
                raise
            except asyncio.CancelledError:
                record.finish(status=499, proxy_error="client_left")
                raise
            record.finish(status=reply.status, bytes_out=len(reply.body))
            return reply

    async def _load(self, keys: Sequence[repository.Key]) -> Mapping[repository.Key, AnyRow]:
        return await self._database.read(lambda session: repository.find_targets(session, keys))

    def _envelope(self, target: AnyRow, message_id: str, said: Any) -> bytes:  # noqa: ANN401 - any JSON value
        return envelope(
            message_id,
            _KIND,
            CatIdentity(target.cat_id, target.version),
            **installation_parts(target),
            input=said,
            callback=self._callbacks.offer(target),
        )


class _Record:
    """One interaction from its beginning to its report."""

    def __init__(self, target: AnyRow, reporter: InteractionReporter, *, bytes_in: int) -> None:
        self._started = time.monotonic()
        self._at = dt.datetime.now(dt.UTC)
        self._target = target
        self._reporter = reporter
        self._bytes_in = bytes_in

    def finish(self, *, status: int, proxy_error: str | None = None, bytes_out: int = 0) -> None:
        """Report how it went."""
        self._reporter.add(
            InteractionReport(
                id=uuid.uuid4(),
                installation_id=self._target.id,
                cat_id=self._target.cat_id,
                kind=_KIND,
                status_code=status,
                proxy_error=proxy_error,
                duration_ms=int((time.monotonic() - self._started) * 1000),
                bytes_in=self._bytes_in,
                bytes_out=bytes_out,
                at=self._at,
            )
        )


def _check_reachable(target: AnyRow | None) -> None:
    """Raise when the player may not talk to the cat at this moment."""
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
