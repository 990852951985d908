"""All SQL about interactions: one look-up that decides everything, for many installations at once."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import UUID, and_, column, func, join, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import Installation, PlayerAlias
from proxy_service.deliveries.repository import select_targets

Key = tuple[uuid.UUID, uuid.UUID]
"""An installation and the player who says that it is theirs: ownership is part of the question."""


async def find_targets(session: AsyncSession, keys: Sequence[Key]) -> Mapping[Key, AnyRow]:
    """What is known of each installation at this moment: its state, its release, its grants, its player."""
    wanted = (
        func.unnest(
            literal([key[0] for key in keys], ARRAY(UUID(as_uuid=True))),
            literal([key[1] for key in keys], ARRAY(UUID(as_uuid=True))),
        )
        .table_valued(column("installation_id", UUID(as_uuid=True)), column("user_id", UUID(as_uuid=True)))
        .render_derived("wanted")
    )
    own = join(
        wanted,
        Installation,
        and_(Installation.id == wanted.c.installation_id, Installation.user_id == wanted.c.user_id),
    )
    query = select_targets(own).where(PlayerAlias.alias.is_not(None))
    rows = (await session.execute(query)).all()
    return {(row.id, row.user_id): row for row in rows}
