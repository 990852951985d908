"""All SQL about stored values."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, UUID, String, and_, bindparam, delete, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, AnySelect
from cathouse.schema import Installation, PermissionType, StoredValue
from installation_service.activity.repository import use_of
from installation_service.standing.repository import HOME, select_standing

_KEY = bindparam("stored_key", type_=String(128))
_VALUE = bindparam("stored_value", type_=JSONB)
_USE_ID = bindparam("use_id", type_=UUID(as_uuid=True))


def _locked_standing(changed: CTE, *, action: str) -> AnySelect:
    return (
        select_standing()
        .add_columns(changed.c.revision)
        .outerjoin(changed, true())
        .with_for_update(of=Installation, key_share=True)
        .add_cte(use_of(HOME, PermissionType.STORAGE, action, use_id=_USE_ID).cte("use"))
    )


_KEYS = (
    select(func.count())
    .select_from(StoredValue)
    .where(StoredValue.installation_id == Installation.id)
    .correlate(Installation)
    .scalar_subquery()
)
_FIND = (
    select_standing()
    .add_columns(StoredValue.key, StoredValue.value, StoredValue.revision, StoredValue.updated_at)
    .outerjoin(StoredValue, and_(StoredValue.installation_id == Installation.id, StoredValue.key == _KEY))
)
_PUT = _locked_standing(
    insert(StoredValue)
    .from_select(
        ["installation_id", "key", "value"],
        select(Installation.id, _KEY, _VALUE).where(Installation.id == HOME),
    )
    .on_conflict_do_update(
        constraint="pk_stored_values",
        set_={"value": literal_column("excluded.value"), "revision": StoredValue.revision + 1},
    )
    .returning(StoredValue.revision)
    .cte("kept"),
    action="put",
).add_columns(_KEYS.label("keys"))
_DELETE = _locked_standing(
    delete(StoredValue)
    .where(StoredValue.installation_id == HOME, StoredValue.key == _KEY)
    .returning(StoredValue.revision)
    .cte("gone"),
    action="delete",
)


async def find_value(session: AsyncSession, installation_id: uuid.UUID, key: str) -> AnyRow | None:
    """The cat's standing and the value beside it, in one round trip; ``revision`` is null when there is no value."""
    return (await session.execute(_FIND, {"home": installation_id, "stored_key": key})).one_or_none()


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


async def put_value(session: AsyncSession, installation_id: uuid.UUID, key: str, value: Any) -> AnyRow | None:  # noqa: ANN401 - any JSON value
    """Keep the value, and return the cat's standing with the new ``revision`` and the ``keys`` there were before.

    One round trip; whoever finds that the cat may not do this raises, and the transaction takes it back. The
    installation is locked until it ends, so writers of one installation follow one another.
    """
    given = {"home": installation_id, "stored_key": key, "stored_value": value, "use_id": uuid.uuid4()}
    return (await session.execute(_PUT, given)).one_or_none()


async def delete_value(session: AsyncSession, installation_id: uuid.UUID, key: str) -> AnyRow | None:
    """Remove the value, and return the cat's standing with the ``revision`` that is gone (null: there was none)."""
    given = {"home": installation_id, "stored_key": key, "use_id": uuid.uuid4()}
    return (await session.execute(_DELETE, given)).one_or_none()


async def count_keys(session: AsyncSession, installation_id: uuid.UUID) -> int:
    """How many keys the installation has now, the transaction's own among them."""
    query = select(func.count()).where(StoredValue.installation_id == installation_id)
    return int(await session.scalar(query) or 0)
