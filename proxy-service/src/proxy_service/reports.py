"""Telling installation-service what took place: beside the calls, so that nobody waits, not losing it lightly."""

import asyncio
import datetime as dt
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import structlog

from cathouse.database import Idleness
from cathouse.schema import CLIENT_LEFT, InteractionKind
from cathouse.web import Reading, ServiceClient, ServiceUnavailableError
from proxy_service.egress.errors import EgressError

LARGEST_BATCH = 500
LARGEST_BACKLOG = 10_000
GATHER_S = 0.25
LONGEST_PAUSE_S = 30.0
LAST_FLUSH_S = 2.0

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class InteractionReport:
    """How one interaction went; never what was said. ``action`` is what a cat used a permission for."""

    id: uuid.UUID
    installation_id: uuid.UUID
    cat_id: uuid.UUID
    kind: InteractionKind
    status_code: int
    proxy_error: str | None
    duration_ms: int
    bytes_in: int
    bytes_out: int
    at: dt.datetime
    action: str | None


class InteractionReporter:
    """Sends reports in batches. Bounded: when installation-service stays away, the oldest are dropped and counted."""

    def __init__(self, installation: ServiceClient, idleness: Idleness) -> None:
        self._installation = installation
        self._idleness = idleness
        self._backlog: deque[InteractionReport] = deque()
        self._waiting = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self.dropped = 0

    def start(self) -> None:
        """Begin sending. Nothing is sent, and no timer runs, while there is nothing to tell."""
        self._worker = asyncio.create_task(self._run())

    def readings(self) -> Sequence[Reading]:
        """What Prometheus is shown."""
        return (
            Reading(
                "cathouse_reports_waiting",
                "Reports of interactions that installation-service was not told yet.",
                lambda: len(self._backlog),
            ),
            Reading(
                "cathouse_reports_dropped_total",
                "Reports that were given up since installation-service stayed away.",
                lambda: self.dropped,
            ),
        )

    def add(self, report: InteractionReport) -> None:
        """Take a report; never waits."""
        if len(self._backlog) >= LARGEST_BACKLOG:
            self._backlog.popleft()
            self.dropped += 1
        self._backlog.append(report)
        self._waiting.set()

    async def close(self) -> None:
        """Send what is left, for two seconds at most, and say what could not be sent."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        try:
            async with asyncio.timeout(LAST_FLUSH_S):
                while self._backlog:
                    await self._send()
        except (TimeoutError, ServiceUnavailableError):
            self.dropped += len(self._backlog)
            self._backlog.clear()
        if self.dropped:
            _logger.warning("interactions.reports_dropped", count=self.dropped)

    async def _run(self) -> None:
        pause = GATHER_S
        while True:
            await self._waiting.wait()
            await asyncio.sleep(pause)
            try:
                await self._send()
                # A crowd need not be gathered: with a pause after each batch 2,000 reports a second would be the most.
                pause = 0.0 if len(self._backlog) >= LARGEST_BATCH else GATHER_S
            except Exception as error:
                pause = min(max(pause, GATHER_S) * 2, LONGEST_PAUSE_S)
                is_expected = isinstance(error, ServiceUnavailableError)
                _logger.warning(
                    "interactions.reports_wait",
                    waiting=len(self._backlog),
                    dropped=self.dropped,
                    retry_in_s=pause,
                    exc_info=not is_expected,
                )
                # What is left when nobody calls any more waits for the next call, and lets the database sleep.
                await self._idleness.until_served()
            if not self._backlog:
                self._waiting.clear()

    async def _send(self) -> None:
        batch = [self._backlog.popleft() for _ in range(min(LARGEST_BATCH, len(self._backlog)))]
        try:
            await self._installation.post("/internal/v1/interactions", {"interactions": batch})
        except BaseException:
            self._backlog.extendleft(reversed(batch))  # also when the task is cancelled: it may come twice, not never
            raise


class Record:
    """One call from its beginning to its report: a block that reports by itself how it failed."""

    def __init__(
        self,
        reporter: InteractionReporter,
        *,
        installation_id: uuid.UUID,
        cat_id: uuid.UUID,
        kind: InteractionKind,
        bytes_in: int,
        action: str | None = None,
    ) -> None:
        """It begins now."""
        self._reporter = reporter
        self._installation_id = installation_id
        self._cat_id = cat_id
        self._kind = kind
        self._bytes_in = bytes_in
        self._action = action
        self._at = dt.datetime.now(dt.UTC)
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        """It has begun already."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Report that there was no usable answer, or nobody left to wait for one."""
        if isinstance(error, EgressError):
            self.finish(status=error.status, proxy_error=error.proxy_error)
        elif isinstance(error, asyncio.CancelledError):
            self.finish(status=499, proxy_error=CLIENT_LEFT)

    def finish(self, *, status: int, proxy_error: str | None = None, bytes_out: int = 0) -> None:
        """Report how it went."""
        self._reporter.add(
            InteractionReport(
                id=uuid.uuid4(),
                installation_id=self._installation_id,
                cat_id=self._cat_id,
                kind=self._kind,
                status_code=status,
                proxy_error=proxy_error,
                duration_ms=int((time.monotonic() - self._started) * 1000),
                bytes_in=self._bytes_in,
                bytes_out=bytes_out,
                at=self._at,
                action=self._action,
            )
        )
