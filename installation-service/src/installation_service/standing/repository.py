"""All SQL about what a calling cat may do right now."""

import uuid

from sqlalchemy import UUID, bindparam, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, AnySelect
from cathouse.schema import Cat, Installation, Release, effective_release, granted_now, is_active

HOME = bindparam("home", type_=UUID(as_uuid=True))
"""The installation that a cat calls for, in statements that are made once: to put one together takes longer than to
send it."""


def select_standing() -> AnySelect:
    """Whether a cat may call for ``HOME`` right now, for whom, and what is granted at this moment."""
    effective = effective_release(Release.id, Release.version)
    return (
        select(
            Installation.user_id,
            is_active().label("is_active"),
            granted_now(effective).label("granted"),
            effective.c.version,
        )
        .join(Cat, Cat.id == Installation.cat_id)
        .outerjoin(effective, true())
        .where(Installation.id == HOME)
    )


_STANDING = select_standing()
_LOCKED_STANDING = _STANDING.with_for_update(of=Installation, key_share=True)


async def find_standing(
    session: AsyncSession, installation_id: uuid.UUID, *, for_change: bool = False
) -> AnyRow | None:
    """That, of one installation; ``for_change`` locks it."""
    query = _LOCKED_STANDING if for_change else _STANDING
    return (await session.execute(query, {"home": installation_id})).one_or_none()
