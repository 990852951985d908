"""All SQL about interactions: one look-up that decides everything, for many installations at once."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import UUID, and_, bindparam, column, func, join
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, AnySelect
from cathouse.schema import Installation, PlayerAlias
from proxy_service.messages.repository import select_targets

Key = tuple[uuid.UUID, uuid.UUID]
"""An installation and the player who says that it is theirs: ownership is part of the question."""


def _select_targets() -> AnySelect:
    wanted = (
        func.unnest(
            bindparam("installation_ids", type_=ARRAY(UUID(as_uuid=True))),
            bindparam("user_ids", type_=ARRAY(UUID(as_uuid=True))),
        )
        .table_valued(column("installation_id", UUID(as_uuid=True)), column("user_id", UUID(as_uuid=True)))
        .render_derived("wanted")
    )
    own = join(
        wanted,
        Installation,
        and_(Installation.id == wanted.c.installation_id, Installation.user_id == wanted.c.user_id),
    )
    return select_targets(own).where(PlayerAlias.alias.is_not(None))


_TARGETS = _select_targets()
"""Made once: to put it together takes longer than to send it."""


async def find_targets(session: AsyncSession, keys: Sequence[Key]) -> Mapping[Key, AnyRow]:
    """What is known of each installation at this moment: its state, its release, its grants, its player."""
    given = {"installation_ids": [key[0] for key in keys], "user_ids": [key[1] for key in keys]}
    # By its connection: rows of columns need none of what a session does with rows.
    connection = await session.connection()
    rows = (await connection.execute(_TARGETS, given)).all()
    return {(row.id, row.user_id): row for row in rows}
