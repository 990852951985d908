"""All SQL about activity."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import Installation, Interaction


async def add_interactions(session: AsyncSession, reports: Sequence[dict[str, Any]]) -> None:
    """Keep what is new among ``reports``: a report may come twice, and its installation may be gone by now.

    What names another cat than the installation's is dropped as well: one such report must not stop a whole batch.
    """
    ids = {report["installation_id"] for report in reports}
    query = select(Installation.id, Installation.cat_id).where(Installation.id.in_(ids))
    known = {(row.id, row.cat_id) for row in await session.execute(query)}
    rows = [report for report in reports if (report["installation_id"], report["cat_id"]) in known]
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
