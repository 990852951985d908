"""Adding to the audit: the one table that every service inserts into, and nobody changes."""

import uuid
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
    event_id = uuid.uuid4()
    # inline: no RETURNING, which would need the right to read that other services do not have.
    await session.execute(
        insert(AuditEvent).inline(),
        {
            "id": event_id,
            "action": action,
            "actor_id": actor_id,
            "subject": {name: str(value) for name, value in (subject or {}).items()},
            "detail": detail or {},
        },
    )
    return event_id
