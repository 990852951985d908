"""The rules of lifecycle events: who is told what, when, and how often."""

import asyncio
import datetime as dt
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database, Worker
from cathouse.errors import ServiceError
from cathouse.web import ServiceClient, ServiceUnavailableError
from installation_service.lifecycle import repository

PROXY_AWAY_PAUSE = dt.timedelta(seconds=10)
LONGEST_AWAY_PAUSE = dt.timedelta(minutes=10)
"""Until an event is taken again that proxy-service did not take: a tenth of its age, within these."""

CLOSE_GRACE_S = 3.0
"""What deliveries under way may take when the process ends; what is cut off is delivered again after its lease."""

_logger = structlog.get_logger(__name__)


class LifecycleService:
    """Delivers events through proxy-service.

    An event is written in the transaction of what it tells of, so it is delivered at least once, whatever ends when.
    """

    def __init__(self, database: Database, proxy: ServiceClient) -> None:
        self._database = database
        self._proxy = proxy
        self.due = repository.due_events()
        self.worker = Worker("lifecycle", self._work, database.idleness, grace_s=CLOSE_GRACE_S)
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to deliver."""
        self.worker.start()

    def wake(self) -> None:
        """Say that there may be something to deliver: after a commit that wrote an event."""
        self.worker.wake()

    async def close(self) -> None:
        """Stop; what is under way has a moment to end."""
        await self.worker.close()
        if not self._under_way:
            return
        _, cut_off = await asyncio.wait(self._under_way, timeout=CLOSE_GRACE_S)
        for delivery in cut_off:
            delivery.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)

    async def _work(self) -> float | None:
        # Not waited for: what comes meanwhile is not to wait for a cat that hangs.
        if len(self._under_way) >= repository.AT_ONCE:
            return None  # each that ends wakes the worker
        claimed = await self._database.write(self.due.claim)
        for event in claimed:
            delivery = asyncio.create_task(self._deliver(event))
            self._under_way.add(delivery)
            delivery.add_done_callback(self._ended)
        if self.due.is_full(claimed):
            return 0
        return await self.due.look_again_in(self._database)

    def _ended(self, delivery: asyncio.Task[None]) -> None:
        self._under_way.discard(delivery)
        self.wake()  # for the installation's next event, which waited for this one

    async def _deliver(self, event: AnyRow) -> None:
        try:
            await self._attempt(event)
        except ServiceError as error:
            # Not noted: it is due again when its lease is over.
            _logger.warning("lifecycle.failed", delivery=str(event.id), code=error.code)
        except Exception:
            _logger.exception("lifecycle.failed", delivery=str(event.id))

    async def _give_back(self, event: AnyRow, again_after: dt.timedelta) -> None:
        await self._database.write(lambda session: repository.give_back(session, event, again_after=again_after))

    async def _attempt(self, event: AnyRow) -> None:
        at = dt.datetime.now(dt.UTC)
        message = {
            "event_id": str(event.id),
            "installation_id": str(event.installation_id),
            "event": event.event,
            "created_at": event.created_at.isoformat(),
        }
        try:
            result = await self._proxy.post("/internal/v1/deliveries", message)
        except ServiceUnavailableError:
            again_after = min(max((at - event.created_at) / 10, PROXY_AWAY_PAUSE), LONGEST_AWAY_PAUSE)
            await self._give_back(event, again_after)
            return
        # Left out by a proxy-service of before, while one version takes the place of the other.
        if (retry_after_s := result.get("retry_after_s")) is not None:
            await self._give_back(event, dt.timedelta(seconds=retry_after_s))
            return
        attempt: dict[str, Any] = {
            "at": at.isoformat(),
            "status_code": result["status_code"],
            "proxy_error": result["proxy_error"],
            "duration_ms": result["duration_ms"],
        }
        is_last = event.attempts >= repository.MOST_ATTEMPTS
        pause = None if is_last else self.due.pause_after(event.attempts)
        is_delivered = result["acknowledged"]

        async def note(session: AsyncSession) -> None:
            if is_delivered or result["give_up"]:
                await repository.settle(session, event, attempt, is_delivered=is_delivered)
            else:
                await repository.record_failure(session, event, attempt, again_after=pause)

        await self._database.write(note)
        _logger.info("lifecycle.attempt", delivery=str(event.id), type=event.event, attempt=event.attempts, **result)
