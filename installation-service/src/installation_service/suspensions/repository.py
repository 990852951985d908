"""All SQL about suspensions."""

import enum
import uuid

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import Cat, Installation


class Hand(enum.StrEnum):
    """Who suspends."""

    DEVELOPER = "developer"
    OPERATOR = "operator"


async def lock(session: AsyncSession, *conditions: ColumnElement[bool]) -> AnyRow | None:
    """Where the installation stands that, with its cat, meets ``conditions``; locked until the transaction ends."""
    query = (
        select(
            Installation.id,
            Installation.cat_id,
            Installation.status,
            Installation.developer_suspended_at,
            Installation.operator_suspended_at,
        )
        .join(Cat, Cat.id == Installation.cat_id)
        .where(*conditions)
        .with_for_update(of=Installation, key_share=True)
    )
    return (await session.execute(query)).one_or_none()


async def set_suspension(session: AsyncSession, installation_id: uuid.UUID, hand: Hand, reason: str | None) -> None:
    """Suspend for ``reason``, or with None lift the suspension by this hand."""
    values = {
        f"{hand.value}_suspended_at": None if reason is None else func.now(),
        f"{hand.value}_suspension_reason": reason,
    }
    await session.execute(update(Installation).where(Installation.id == installation_id).values(values))
