"""All SQL about lifecycle events."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, case, delete, exists, func, literal, null, update
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from cathouse.database import AnyRow, DueRows, change_portion
from cathouse.schema import LifecycleEvent, LifecycleEventType

AT_ONCE = 20
"""Events that are taken together, and delivered side by side."""

LEASE = dt.timedelta(minutes=2)
"""Longer than a delivery can take: a cat's time-out (25 s), proxy-service's and the database's patience around it."""

PAUSES = (
    dt.timedelta(seconds=5),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=30),
    dt.timedelta(hours=2),
    dt.timedelta(hours=5),
    dt.timedelta(hours=10),
    dt.timedelta(hours=10),
)
"""Before the second, third … attempt: design/security.md, "The door to the outside"."""

MOST_ATTEMPTS = len(PAUSES) + 1

KEPT_FOR = dt.timedelta(days=30)


def event_of(installation_id: uuid.UUID, cat_id: uuid.UUID, event: LifecycleEventType) -> Insert:
    """What writes an event down: to be executed beside what it tells of, or as a CTE of it.

    The installation is locked, or just made: so events are in the order in which it changed.
    """
    return insert(LifecycleEvent).values(_event(installation_id, cat_id, event))


def events_of(cats: Mapping[uuid.UUID, uuid.UUID], event: LifecycleEventType) -> Insert:
    """The same for several installations at once; ``cats`` are theirs."""
    return insert(LifecycleEvent).values([_event(*each, event) for each in cats.items()])


def _event(installation_id: uuid.UUID, cat_id: uuid.UUID, event: LifecycleEventType) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "installation_id": installation_id,
        "cat_id": cat_id,
        "event": event.value,
        # Under the lock: now() is when the transaction began, and that may have waited for the event before this one.
        "created_at": func.clock_timestamp(),
    }


def _nothing_before() -> ColumnElement[bool]:
    before = aliased(LifecycleEvent)
    return ~exists().where(
        before.installation_id == LifecycleEvent.installation_id,
        before.sequence < LifecycleEvent.sequence,
        before.next_attempt_at.is_not(None),
    )


def due_events() -> DueRows:
    """The events that are to be delivered: of each installation the first one that is neither delivered nor given up.

    ``next_attempt_at`` of one that is taken is the end of its lease, and names this taking of it.
    """
    return DueRows(
        LifecycleEvent,
        LifecycleEvent.installation_id,
        LifecycleEvent.event,
        LifecycleEvent.created_at,
        LifecycleEvent.next_attempt_at,
        at_once=AT_ONCE,
        lease=LEASE,
        pauses=PAUSES,
        only=_nothing_before(),
    )


def _is_still_ours(taken: AnyRow) -> ColumnElement[bool]:
    """Whether nobody took the event since, after its lease, and no developer sent it again."""
    end_of_lease: dt.datetime = taken.next_attempt_at
    return LifecycleEvent.next_attempt_at == end_of_lease


async def settle(session: AsyncSession, taken: AnyRow, attempt: dict[str, Any], *, is_delivered: bool) -> None:
    """Note an attempt after which there is nothing more to be done."""
    values: dict[str, Any] = {"attempt_log": _with(attempt), "next_attempt_at": None}
    if is_delivered:
        values["delivered_at"] = func.coalesce(LifecycleEvent.delivered_at, func.now())
    await session.execute(update(LifecycleEvent).where(LifecycleEvent.id == taken.id).values(values))


async def record_failure(
    session: AsyncSession, taken: AnyRow, attempt: dict[str, Any], *, again_after: dt.timedelta | None
) -> None:
    """Note an attempt that failed; with None as ``again_after`` it was the last one.

    What became of the event meanwhile by another hand stays.
    """
    again_at = null() if again_after is None else func.now() + again_after
    values = {
        "attempt_log": _with(attempt),
        "next_attempt_at": case((_is_still_ours(taken), again_at), else_=LifecycleEvent.next_attempt_at),
    }
    await session.execute(update(LifecycleEvent).where(LifecycleEvent.id == taken.id).values(values))


def _with(attempt: dict[str, Any]) -> ColumnElement[Any]:
    return LifecycleEvent.attempt_log.op("||")(literal([attempt], JSONB))


async def give_back(session: AsyncSession, taken: AnyRow, *, again_after: dt.timedelta) -> None:
    """Let an event be due later as if it had not been taken: its cat was not asked."""
    await session.execute(
        update(LifecycleEvent)
        .where(LifecycleEvent.id == taken.id, _is_still_ours(taken))
        .values(attempts=LifecycleEvent.attempts - 1, next_attempt_at=func.now() + again_after)
    )


async def remove_old(session: AsyncSession) -> int:
    """Remove a portion of what was settled long ago, and return how much; 0: there is none."""
    is_old = LifecycleEvent.created_at < func.now() - KEPT_FOR
    return await change_portion(
        session,
        delete(LifecycleEvent),
        key=(LifecycleEvent.id,),
        where=(is_old, LifecycleEvent.next_attempt_at.is_(None)),
        oldest=LifecycleEvent.created_at,
    )
