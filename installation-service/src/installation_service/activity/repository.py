"""All SQL about activity."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import Installation, Interaction, PermissionType, PermissionUse


def use_of(installation_id: uuid.UUID, permission: PermissionType, action: str) -> Insert:
    """What notes a use of ``permission``: to be executed beside the deed, or as a CTE of it."""
    noted = select(
        literal(uuid.uuid4()).label("id"), Installation.id, literal(permission.value), literal(action)
    ).where(Installation.id == installation_id)
    return insert(PermissionUse).from_select(["id", "installation_id", "permission_type", "action"], noted)


async def add_uses(
    session: AsyncSession, counts: Mapping[tuple[uuid.UUID, PermissionType, str], int], *, at: dt.datetime
) -> None:
    """Note uses that were gathered until ``at``; ``counts`` says how many of each."""
    known = await _known(session, {installation_id for installation_id, _, _ in counts})
    rows = [
        {
            "id": uuid.uuid4(),
            "installation_id": installation_id,
            "permission_type": permission.value,
            "action": action,
            "at": at,
            "count": count,
        }
        for (installation_id, permission, action), count in counts.items()
        if installation_id in known
    ]
    if rows:
        await session.execute(insert(PermissionUse), rows)


async def add_interactions(session: AsyncSession, reports: Sequence[dict[str, Any]]) -> None:
    """Keep what is new among ``reports``: a report may come twice, and its installation may be gone by now.

    What names another cat than the installation's is dropped as well: one such report must not stop a whole batch.
    """
    known = await _known(session, {report["installation_id"] for report in reports})
    rows = [report for report in reports if known.get(report["installation_id"]) == report["cat_id"]]
    if not rows:
        return
    await session.execute(insert(Interaction).values(rows).on_conflict_do_nothing(constraint="pk_interactions"))
    latest = (
        select(Interaction.installation_id, func.max(Interaction.at).label("at"))
        .where(Interaction.id.in_([row["id"] for row in rows]))
        .group_by(Interaction.installation_id)
        .subquery()
    )
    await session.execute(
        update(Installation)
        .where(Installation.id == latest.c.installation_id)
        .values(last_interaction_at=func.greatest(Installation.last_interaction_at, latest.c.at))
    )


async def _known(session: AsyncSession, installation_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, uuid.UUID]:
    """The cat of each installation that there is."""
    query = select(Installation.id, Installation.cat_id).where(Installation.id.in_(installation_ids))
    return {row.id: row.cat_id for row in await session.execute(query)}
