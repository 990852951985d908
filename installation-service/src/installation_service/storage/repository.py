"""All SQL about stored values."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import Installation, StoredValue
from installation_service.grants.repository import standing


async def find_value(session: AsyncSession, installation_id: uuid.UUID, key: str) -> AnyRow | None:
    """The cat's standing and the value beside it, in one round trip; ``revision`` is null when there is no value."""
    query = (
        standing(installation_id)
        .add_columns(StoredValue.key, StoredValue.value, StoredValue.revision, StoredValue.updated_at)
        .outerjoin(StoredValue, and_(StoredValue.installation_id == Installation.id, StoredValue.key == key))
    )
    return (await session.execute(query)).one_or_none()


async def list_keys(
    session: AsyncSession, installation_id: uuid.UUID, *, prefix: str, after: str | None, limit: int
) -> Sequence[AnyRow]:
    """Keys that begin with ``prefix``, in the order of their bytes."""
    query = (
        select(StoredValue.key, StoredValue.revision, StoredValue.updated_at)
        .where(StoredValue.installation_id == installation_id, StoredValue.key.startswith(prefix, autoescape=True))
        .order_by(StoredValue.key)
        .limit(limit)
    )
    if after is not None:
        query = query.where(StoredValue.key > after)
    return (await session.execute(query)).all()


async def current_revision(session: AsyncSession, installation_id: uuid.UUID, key: str) -> tuple[int | None, int]:
    """The revision under ``key`` (None: no value), and how many keys the installation has."""
    query = select(
        func.max(StoredValue.revision).filter(StoredValue.key == key),
        func.count(),
    ).where(StoredValue.installation_id == installation_id)
    revision, keys = (await session.execute(query)).one()
    return revision, keys


async def put_value(session: AsyncSession, installation_id: uuid.UUID, key: str, value: Any) -> int:  # noqa: ANN401 - any JSON value
    """Keep the value and return its new revision."""
    statement = insert(StoredValue).values(installation_id=installation_id, key=key, value=value)
    revision = await session.scalar(
        statement.on_conflict_do_update(
            constraint="pk_stored_values",
            set_={"value": statement.excluded.value, "revision": StoredValue.revision + 1},
        ).returning(StoredValue.revision)
    )
    return int(revision or 1)


async def delete_value(session: AsyncSession, installation_id: uuid.UUID, key: str) -> None:
    """Remove the value."""
    await session.execute(
        delete(StoredValue).where(StoredValue.installation_id == installation_id, StoredValue.key == key)
    )
