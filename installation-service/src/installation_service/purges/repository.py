"""All SQL about emptying installations."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import change_portion
from cathouse.schema import Installation, PlayerSecret, StoredValue

_AT_ONCE = 20
"""Installations of one transaction."""


async def lock_unpurged(session: AsyncSession, *, uninstalled_for: dt.timedelta) -> Sequence[uuid.UUID]:
    """Some installations that are to be emptied, those before that nobody else is busy with."""
    query = (
        select(Installation.id)
        .where(
            Installation.uninstalled_at < func.now() - uninstalled_for,
            Installation.uninstalled_at.is_not(None),
            Installation.purged_at.is_(None),
        )
        .order_by(Installation.uninstalled_at)
        .limit(_AT_ONCE)
        # Without their keys: what refers to one at this moment is no reason to pass it over.
        .with_for_update(skip_locked=True, key_share=True)
    )
    return (await session.scalars(query)).all()


async def remove_contents(session: AsyncSession, installation_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Remove secrets and a portion of stored values, and return the installations of which nothing is left."""
    secrets = delete(PlayerSecret).where(PlayerSecret.installation_id.in_(installation_ids))
    await session.execute(secrets.execution_options(synchronize_session=False))
    await change_portion(
        session,
        delete(StoredValue),
        key=(StoredValue.installation_id, StoredValue.key),
        where=(StoredValue.installation_id.in_(installation_ids),),
    )
    left = select(StoredValue.installation_id).where(StoredValue.installation_id.in_(installation_ids)).distinct()
    full = set(await session.scalars(left))
    return [each for each in installation_ids if each not in full]


async def mark_purged(session: AsyncSession, installation_ids: Sequence[uuid.UUID]) -> None:
    """Note that nothing is left to be removed."""
    statement = update(Installation).where(Installation.id.in_(installation_ids)).values(purged_at=func.now())
    await session.execute(statement.execution_options(synchronize_session=False))
