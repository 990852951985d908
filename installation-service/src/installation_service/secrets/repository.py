"""All SQL about players' secrets."""

import uuid

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import PlayerSecret


async def keep_secret(
    session: AsyncSession, installation_id: uuid.UUID, name: str, wrapped: bytes, *, key_id: str
) -> None:
    """Keep a wrapped secret, instead of what was there."""
    values = {"wrapped_value": wrapped, "key_id": key_id}
    await session.execute(
        insert(PlayerSecret)
        .values(installation_id=installation_id, name=name, **values)
        .on_conflict_do_update(constraint="pk_player_secrets", set_=values)
    )


async def remove_secret(session: AsyncSession, installation_id: uuid.UUID, name: str) -> None:
    """Forget a secret."""
    await session.execute(
        delete(PlayerSecret).where(PlayerSecret.installation_id == installation_id, PlayerSecret.name == name)
    )
