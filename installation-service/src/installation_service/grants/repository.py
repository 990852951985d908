"""All SQL about grants."""

import uuid

from sqlalchemy import func, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import (
    Cat,
    Installation,
    InstallationPermission,
    LifecycleEventType,
    Permission,
    Release,
    ReleasePermission,
    effective_release,
)
from installation_service.lifecycle.repository import event_of


async def find_requested(session: AsyncSession, installation_id: uuid.UUID, kind: str) -> AnyRow | None:
    """A permission as the installed release asks for it.

    The installation is locked before, by a statement of its own: one that waits for the lock has looked for the release
    already, and an upgrade was perhaps what it waited for.
    """
    effective = effective_release(Release.id)
    query = (
        select(Permission.id, ReleasePermission.required)
        .select_from(Installation)
        .join(Cat, Cat.id == Installation.cat_id)
        .join(effective, true())
        .join(ReleasePermission, ReleasePermission.release_id == effective.c.id)
        .join(Permission, Permission.id == ReleasePermission.permission_id)
        .where(Installation.id == installation_id, Permission.permission_type == kind)
    )
    return (await session.execute(query)).one_or_none()


async def set_grant(
    session: AsyncSession, installation_id: uuid.UUID, permission_id: uuid.UUID, *, granted: bool
) -> bool:
    """Keep the player's answer and return whether it is another one than before."""
    values = {"granted": granted, "granted_at": func.now() if granted else None}
    statement = (
        insert(InstallationPermission)
        .values(installation_id=installation_id, permission_id=permission_id, **values)
        .on_conflict_do_update(
            constraint="pk_installation_permissions",
            set_=values,
            where=InstallationPermission.granted.is_distinct_from(granted),
        )
        .returning(InstallationPermission.permission_id)
    )
    return await session.scalar(statement) is not None


async def note_change(
    session: AsyncSession, installation_id: uuid.UUID, cat_id: uuid.UUID, *, taken_back: bool
) -> None:
    """Write the event of it down, and count what was ``taken_back``."""
    await session.execute(
        update(Installation)
        .where(Installation.id == installation_id)
        .values(grant_generation=Installation.grant_generation + int(taken_back))
        .add_cte(event_of(installation_id, cat_id, LifecycleEventType.PERMISSIONS_CHANGED).cte("event"))
    )
