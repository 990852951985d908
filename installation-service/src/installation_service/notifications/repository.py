"""All SQL about notifications."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, AnySelect, newest_first
from cathouse.schema import Installation, Notification


def _notifications() -> AnySelect:
    installation = func.json_build_object(
        "id", Installation.id, "instance_name", Installation.instance_name, type_=JSON
    )
    return select(
        Notification.id,
        installation.label("installation"),
        Notification.title,
        Notification.body,
        Notification.data,
        Notification.read_at,
        Notification.created_at,
    ).join(Installation, Installation.id == Notification.installation_id)


async def recent_count(session: AsyncSession, installation_id: uuid.UUID) -> AnyRow:
    """How many notifications the installation had in the last second and day, and when the day's first one was."""
    age = func.now() - Notification.created_at
    query = select(
        func.count().filter(age < dt.timedelta(seconds=1)).label("second"),
        func.count().label("day"),
        func.min(Notification.created_at).label("first"),
    ).where(Notification.installation_id == installation_id, age < dt.timedelta(days=1))
    return (await session.execute(query)).one()


async def add_notification(
    session: AsyncSession,
    *,
    installation_id: uuid.UUID,
    user_id: uuid.UUID,
    title: str,
    body: str,
    data: Any,  # noqa: ANN401 - any JSON value
) -> AnyRow:
    """Keep a notification and return it."""
    notification_id = await session.scalar(
        insert(Notification)
        .values(installation_id=installation_id, user_id=user_id, title=title, body=body, data=data)
        .returning(Notification.id)
    )
    return (await session.execute(_notifications().where(Notification.id == notification_id))).one()


async def list_notifications(
    session: AsyncSession, user_id: uuid.UUID, *, unread: bool, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AnyRow]:
    """The player's notifications, newest first; each row carries how many are unread in all."""
    unread_count = (
        select(func.count())
        .select_from(Notification)
        .where(Notification.user_id == user_id, Notification.read_at.is_(None))
        .scalar_subquery()
    )
    query = _notifications().add_columns(unread_count.label("unread_count")).where(Notification.user_id == user_id)
    if unread:
        query = query.where(Notification.read_at.is_(None))
    query = newest_first(query, Notification.created_at, Notification.id, after=after, limit=limit)
    return (await session.execute(query)).all()


async def count_unread(session: AsyncSession, user_id: uuid.UUID) -> int:
    """How many of the player's notifications are unread."""
    query = (
        select(func.count())
        .select_from(Notification)
        .where(Notification.user_id == user_id, Notification.read_at.is_(None))
    )
    return await session.scalar(query) or 0


async def mark_read(session: AsyncSession, user_id: uuid.UUID, notification_id: uuid.UUID) -> AnyRow | None:
    """Mark one of the player's notifications as read, and return it; the first reading counts."""
    await session.execute(
        update(Notification)
        .where(Notification.id == notification_id, Notification.user_id == user_id, Notification.read_at.is_(None))
        .values(read_at=func.now())
    )
    query = _notifications().where(Notification.id == notification_id, Notification.user_id == user_id)
    return (await session.execute(query)).one_or_none()


async def mark_all_read(session: AsyncSession, user_id: uuid.UUID) -> None:
    """Mark all of the player's notifications as read."""
    await session.execute(
        update(Notification)
        .where(Notification.user_id == user_id, Notification.read_at.is_(None))
        .values(read_at=func.now())
    )
