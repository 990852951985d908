"""All SQL about notifications."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Uuid,
    all_,
    and_,
    any_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from cathouse.database import AnyRow, AnySelect, DueRows, newest_first
from cathouse.schema import Cat, Installation, Notification, PermissionType, UserPreferences
from installation_service.activity.repository import use_of

MAILED_EVERY = dt.timedelta(minutes=15)
"""At most one mail of an installation in this time; what comes meanwhile is in the inbox."""


PAUSES = (dt.timedelta(seconds=10), dt.timedelta(minutes=1), dt.timedelta(minutes=10), dt.timedelta(hours=1))
"""Before auth-service is asked again; the last one again and again."""


def due_mails() -> DueRows:
    """The notifications that players are to be mailed about."""
    return DueRows(
        Notification,
        Notification.user_id,
        Notification.title,
        Notification.created_at,
        Installation.instance_name,
        Cat.name.label("cat"),
        at_once=20,
        lease=dt.timedelta(minutes=5),  # longer than twenty calls of ten seconds take
        pauses=PAUSES,
        where=and_(Notification.installation_id == Installation.id, Installation.cat_id == Cat.id),
    )


def _notifications() -> AnySelect:
    installation = func.json_build_object(
        "id", Installation.id, "instance_name", Installation.instance_name, type_=JSON
    )
    return select(
        Notification.id,
        Notification.user_id,
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
    """Keep a notification as the player wants it, and return it; ``is_mailed``: they are to be told by mail.

    Who wants none in the application finds it read.
    """
    notification_id = uuid.uuid4()  # given: beside a CTE that inserts as well SQLAlchemy leaves the default out
    await session.execute(
        insert(Notification)
        .values(
            id=notification_id,
            installation_id=installation_id,
            user_id=user_id,
            title=title,
            body=body,
            data=data,
            read_at=case((_wants(user_id, "in_app").is_(False), func.now())),
            next_attempt_at=case((and_(_wants(user_id, "email"), ~_was_mailed(installation_id)), func.now())),
        )
        .add_cte(use_of(installation_id, PermissionType.NOTIFICATION, "send").cte("use"))
    )
    is_mailed = Notification.next_attempt_at.is_not(None).label("is_mailed")
    query = _notifications().add_columns(is_mailed).where(Notification.id == notification_id)
    return (await session.execute(query)).one()


def _wants(user_id: uuid.UUID, way: str) -> ColumnElement[bool]:
    wanted: ColumnElement[bool] = (
        select(UserPreferences.communication_preferences[way].as_boolean())
        .where(UserPreferences.user_id == user_id)
        .scalar_subquery()
    )
    return wanted


def _was_mailed(installation_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether the player was told by mail of one of the installation's a moment ago: then the inbox is enough."""
    before = aliased(Notification)
    return exists().where(
        before.installation_id == installation_id,
        before.created_at > func.now() - MAILED_EVERY,
        or_(before.attempts > 0, before.next_attempt_at.is_not(None)),
    )


async def mail_no_more(session: AsyncSession, notification_id: uuid.UUID) -> None:
    """Note that auth-service has it, or is not asked any more."""
    await session.execute(update(Notification).where(Notification.id == notification_id).values(next_attempt_at=None))


def _unread_count(owner: uuid.UUID | BindParameter[uuid.UUID]) -> Select[int]:
    return select(func.count()).where(Notification.user_id == owner, Notification.read_at.is_(None))


def _select_inbox(*, unread: bool, is_behind: bool) -> AnySelect:
    """A page of a player's inbox; the first, or one behind."""
    owner = bindparam("owner", type_=Uuid())
    unread_count = _unread_count(owner).scalar_subquery()
    query = _notifications().add_columns(unread_count.label("unread_count")).where(Notification.user_id == owner)
    if unread:
        query = query.where(Notification.read_at.is_(None))
    if is_behind:
        after = tuple_(bindparam("after_at", type_=DateTime(timezone=True)), bindparam("after_id", type_=Uuid()))
        query = query.where(tuple_(Notification.created_at, Notification.id) < after)
    return query.order_by(Notification.created_at.desc(), Notification.id.desc()).limit(
        bindparam("page", type_=Integer)
    )


# Made once: to put one together takes longer than to send it.
_INBOX = {
    (unread, is_behind): _select_inbox(unread=unread, is_behind=is_behind)
    for unread in (False, True)
    for is_behind in (False, True)
}


async def list_notifications(
    session: AsyncSession, user_id: uuid.UUID, *, unread: bool, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AnyRow]:
    """The player's notifications, newest first; each row carries how many are unread in all."""
    given: dict[str, Any] = {"owner": user_id, "page": limit}
    if after is not None:
        given |= {"after_at": after[0], "after_id": after[1]}
    return (await session.execute(_INBOX[unread, after is not None], given)).all()


async def notifications_since(
    session: AsyncSession,
    user_id: uuid.UUID,
    last: uuid.UUID | dt.datetime | None,
    *,
    overlap: dt.timedelta,
    limit: int,
) -> Sequence[AnyRow]:
    """The player's notifications since ``overlap`` before ``last``, a time or the one with this id, newest first.

    When the player has none with that id ``is_resumed`` is false, and they are those since ``overlap`` before now. What
    was read as soon as it was there, the player does not want to be told.
    """
    since = _time_of(last, user_id)
    query = (
        _notifications()
        .add_columns(since.is_not(None).label("is_resumed"))
        .where(
            Notification.user_id == user_id,
            Notification.created_at >= func.coalesce(since, func.now()) - overlap,
            Notification.read_at.is_distinct_from(Notification.created_at),
        )
    )
    query = newest_first(query, Notification.created_at, Notification.id, after=None, limit=limit)
    return (await session.execute(query)).all()


def _time_of(last: uuid.UUID | dt.datetime | None, user_id: uuid.UUID) -> ColumnElement[dt.datetime]:
    if isinstance(last, dt.datetime):
        return literal(last, DateTime(timezone=True))
    its_time = select(Notification.created_at).where(
        Notification.id == literal(last, Uuid()), Notification.user_id == user_id
    )
    return its_time.scalar_subquery()


async def new_notifications(
    session: AsyncSession,
    user_ids: Sequence[uuid.UUID],
    *,
    within: dt.timedelta,
    without: Sequence[uuid.UUID],
    limit: int,
) -> Sequence[AnyRow]:
    """The players' unread notifications younger than ``within``, but for some that are known, oldest first."""
    query = (
        _notifications()
        .where(
            Notification.user_id == any_(literal(user_ids, ARRAY(Uuid()))),
            Notification.created_at > func.now() - within,
            Notification.id != all_(literal(without, ARRAY(Uuid()))),
            Notification.read_at.is_(None),
        )
        .order_by(Notification.created_at, Notification.id)
        .limit(limit)
    )
    return (await session.execute(query)).all()


async def count_unread(session: AsyncSession, user_id: uuid.UUID) -> int:
    """How many of the player's notifications are unread."""
    return await session.scalar(_unread_count(user_id)) or 0


async def mark_read(session: AsyncSession, notification_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow | None:
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
