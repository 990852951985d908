"""All SQL about what developers see."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, case, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, AnySelect, newest_first
from cathouse.schema import Cat, Installation, Interaction, LifecycleEvent, PlayerAlias, Release, effective_release
from installation_service.lifecycle.repository import MOST_ATTEMPTS


async def is_owned(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> bool:
    """Whether the cat is the developer's."""
    return await session.scalar(select(Cat.id).where(Cat.id == cat_id, Cat.developer_id == developer_id)) is not None


def _installations(cat_id: uuid.UUID) -> AnySelect:
    """Nothing of what the player wrote: no name, no config."""
    effective = effective_release(Release.version)
    alias = and_(PlayerAlias.user_id == Installation.user_id, PlayerAlias.cat_id == Installation.cat_id)
    return (
        select(
            Installation.id,
            Installation.cat_id,
            PlayerAlias.alias,
            effective.c.version,
            Installation.status,
            Installation.developer_suspended_at,
            Installation.developer_suspension_reason,
            Installation.operator_suspended_at,
            Installation.operator_suspension_reason,
            Installation.installed_at,
            Installation.created_at,
        )
        .join(Cat, Cat.id == Installation.cat_id)
        .outerjoin(effective, true())
        .outerjoin(PlayerAlias, alias)
        .where(Installation.cat_id == cat_id)
    )


async def list_installations(
    session: AsyncSession, cat_id: uuid.UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AnyRow]:
    """Who has the cat, newest first; those who have uninstalled it among them."""
    # The page first: Postgres would join the aliases of all the cat's players before it takes the newest.
    ids = select(Installation.id).where(Installation.cat_id == cat_id)
    page = newest_first(ids, Installation.created_at, Installation.id, after=after, limit=limit).subquery("page")
    query = _installations(cat_id).join(page, page.c.id == Installation.id)
    query = query.order_by(Installation.created_at.desc(), Installation.id.desc())
    return (await session.execute(query)).all()


async def find_installation(session: AsyncSession, cat_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
    """One that is known to be there."""
    return (await session.execute(_installations(cat_id).where(Installation.id == installation_id))).one()


async def list_interactions(
    session: AsyncSession, cat_id: uuid.UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AnyRow]:
    """How the cat's interactions went, newest first."""
    query = select(
        Interaction.id,
        Interaction.at,
        Interaction.kind,
        Interaction.status_code,
        Interaction.proxy_error,
        Interaction.duration_ms,
    ).where(Interaction.cat_id == cat_id)
    query = newest_first(query, Interaction.at, Interaction.id, after=after, limit=limit)
    return (await session.execute(query)).all()


def _events() -> AnySelect:
    return select(
        LifecycleEvent.id,
        LifecycleEvent.event.label("type"),
        LifecycleEvent.installation_id,
        LifecycleEvent.created_at,
        LifecycleEvent.delivered_at,
        LifecycleEvent.attempt_log.label("attempts"),
    )


async def list_events(
    session: AsyncSession, cat_id: uuid.UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AnyRow]:
    """A cat's events, newest first."""
    query = _events().where(LifecycleEvent.cat_id == cat_id)
    query = newest_first(query, LifecycleEvent.created_at, LifecycleEvent.id, after=after, limit=limit)
    return (await session.execute(query)).all()


async def resend(
    session: AsyncSession, event_id: uuid.UUID, cat_id: uuid.UUID, developer_id: uuid.UUID
) -> AnyRow | None:
    """Let an event of the developer's cat be due now, and return it.

    One that was delivered or given up is tried once more, and holds up those behind it no longer than that.
    """
    is_pending = LifecycleEvent.next_attempt_at.is_not(None)
    attempts = case((is_pending, LifecycleEvent.attempts), else_=MOST_ATTEMPTS - 1)
    own = select(Cat.id).where(Cat.id == cat_id, Cat.developer_id == developer_id)
    await session.execute(
        update(LifecycleEvent)
        .where(LifecycleEvent.id == event_id, LifecycleEvent.cat_id.in_(own))
        .values(attempts=attempts, next_attempt_at=func.now())
        .execution_options(synchronize_session=False)
    )
    query = _events().where(LifecycleEvent.id == event_id, LifecycleEvent.cat_id.in_(own))
    return (await session.execute(query)).one_or_none()
