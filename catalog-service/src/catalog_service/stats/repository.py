"""All SQL about stats."""

import datetime as dt
import uuid
from collections.abc import Mapping

from sqlalchemy import Date, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import CLIENT_LEFT, Installation, Interaction, InteractionKind


async def count_installations(session: AsyncSession, cat_id: uuid.UUID) -> dict[str, int]:
    """Installations by status."""
    query = (
        select(Installation.status, func.count().label("total"))
        .where(Installation.cat_id == cat_id)
        .group_by(Installation.status)
    )
    return {row.status: row.total for row in await session.execute(query)}


async def count_interactions(session: AsyncSession, cat_id: uuid.UUID, *, since: dt.date) -> Mapping[dt.date, AnyRow]:
    """Interactions by day, with how many of them failed."""
    day = cast(func.timezone("UTC", Interaction.at), Date).label("day")
    failed = Interaction.proxy_error.is_not(None) & (Interaction.proxy_error != CLIENT_LEFT)
    query = (
        select(day, func.count().label("interactions"), func.count().filter(failed).label("failures"))
        .where(
            Interaction.cat_id == cat_id,
            Interaction.at >= dt.datetime.combine(since, dt.time(), dt.UTC),
            Interaction.kind == InteractionKind.INTERACTION,
        )
        .group_by(day)
    )
    return {row.day: row for row in await session.execute(query)}
