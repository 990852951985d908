"""Adding to the audit: the one table that every service inserts into, and nobody changes."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import AuditEvent


async def record_event(
    session: AsyncSession,
    action: str,
    *,
    actor_id: uuid.UUID | None,
    subject: dict[str, uuid.UUID] | None = None,
    detail: dict[str, Any] | None = None,
) -> uuid.UUID:
    """Note what was done, in the transaction that does it, and return the event's id.

    ``subject`` holds ids, ``detail`` no personal data: an erasure cannot reach them.
    """
    (event_id,) = await record_events(session, action, actor_id=actor_id, subjects=[subject or {}], detail=detail)
    return event_id


async def record_events(
    session: AsyncSession,
    action: str,
    *,
    actor_id: uuid.UUID | None,
    subjects: Sequence[Mapping[str, uuid.UUID]],
    detail: dict[str, Any] | None = None,
) -> list[uuid.UUID]:
    """Note that the same was done to each of ``subjects``, as ``record_event`` does for one, in one round trip."""
    ids = [uuid.uuid4() for _ in subjects]
    events = [
        {
            "id": event_id,
            "action": action,
            "actor_id": actor_id,
            "subject": {name: str(value) for name, value in subject.items()},
            "detail": detail or {},
        }
        for event_id, subject in zip(ids, subjects, strict=True)
    ]
    if events:
        # inline: no RETURNING, which would need the right to read that other services do not have.
        await session.execute(insert(AuditEvent).inline(), events)
    return ids
