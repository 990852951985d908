"""All SQL about the audit that is auth-service's own."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.client import Client
from cathouse.database import AnyRow, newest_first, record_event
from cathouse.schema import AuditAddress, AuditEvent


async def record(
    session: AsyncSession,
    action: str,
    *,
    actor_id: uuid.UUID | None,
    subject: dict[str, uuid.UUID] | None = None,
    detail: dict[str, Any] | None = None,
    client: Client | None = None,
) -> None:
    """Note what was done, as ``record_event`` does; from which address, apart and for 90 days."""
    event_id = await record_event(session, action, actor_id=actor_id, subject=subject, detail=detail)
    if client is not None and client.ip is not None:
        await session.execute(insert(AuditAddress).values(id=uuid.uuid4(), audit_event_id=event_id, ip=client.ip))


async def record_own(
    session: AsyncSession, action: str, user_id: uuid.UUID, client: Client, *, detail: dict[str, Any] | None = None
) -> None:
    """Note what somebody did with their own account."""
    subject = {"user_id": user_id}
    await record(session, action, actor_id=user_id, subject=subject, detail=detail, client=client)


async def list_events(
    session: AsyncSession,
    *,
    actor_id: uuid.UUID | None,
    action: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """Events, newest first."""
    query = select(
        AuditEvent.id, AuditEvent.at, AuditEvent.actor_id, AuditEvent.action, AuditEvent.subject, AuditEvent.detail
    )
    if actor_id is not None:
        query = query.where(AuditEvent.actor_id == actor_id)
    if action is not None:
        query = query.where(AuditEvent.action == action)
    query = newest_first(query, AuditEvent.at, AuditEvent.id, after=after, limit=limit)
    return (await session.execute(query)).all()
