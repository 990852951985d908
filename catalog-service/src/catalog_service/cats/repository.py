"""All SQL about cats."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, UUID, ColumnElement, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.errors import CatInUseError, SlugTakenError
from catalog_service.cats.schemas import CatCreation
from catalog_service.releases.repository import requested_permissions
from cathouse.database import AnyRow, AnySelect, broken_constraint
from cathouse.schema import (
    Cat,
    CatSearch,
    Release,
    ReleasePermission,
    User,
)


def cat_columns() -> AnySelect:
    """Every column of a cat's views, its developer and its permissions included: one query, one round trip."""
    permissions = (
        requested_permissions(
            ReleasePermission.release_id == Release.id, Release.cat_id == Cat.id, Release.version == Cat.version
        )
        .correlate(Cat)
        .scalar_subquery()
    )
    living = select(CatSearch.popularity).where(CatSearch.cat_id == Cat.id).correlate(Cat).scalar_subquery()
    return select(
        Cat.id,
        Cat.slug,
        Cat.name,
        Cat.description,
        Cat.version,
        Cat.endpoint_url,
        Cat.status,
        Cat.tags,
        func.json_build_object("id", User.id, "display_name", User.display_name, type_=JSON).label("developer"),
        permissions.label("permissions"),
        Cat.icon_url,
        Cat.support_url,
        Cat.privacy_url,
        Cat.deprecation,
        Cat.suspension_reason,
        func.coalesce(living, 0).label("installations_count"),
        Cat.created_at,
        Cat.updated_at,
        Cat.developer_id,
    ).join(User, User.id == Cat.developer_id)


# Made once: putting it together was almost half of what a read cost (docs/performance.md).
_BY_ID = cat_columns().where(Cat.id == bindparam("reference"))
_BY_IDS = cat_columns().where(Cat.id == any_(bindparam("ids", type_=ARRAY(UUID(as_uuid=True)))))
_BY_SLUG = cat_columns().where(Cat.slug == bindparam("reference"))


async def add_cat(
    session: AsyncSession, developer_id: uuid.UUID, creation: CatCreation, *, slug: str, signing_root: str
) -> uuid.UUID:
    """Keep a draft.

    Raises:
        SlugTakenError: when another cat has the slug, also one that is being made in the same instant.
    """
    cat = Cat(
        developer_id=developer_id,
        slug=slug,
        name=creation.name,
        description=creation.description,
        version=creation.version,
        endpoint_url=creation.endpoint_url,
        tags=creation.tags,
        icon_url=creation.icon_url,
        support_url=creation.support_url,
        privacy_url=creation.privacy_url,
        signing_root=signing_root,
    )
    try:
        # A savepoint, so that the caller can try another slug in the same transaction.
        async with session.begin_nested():
            session.add(cat)
    except IntegrityError as error:
        if broken_constraint(error) == "uq_cats_slug":
            raise SlugTakenError(slug) from None
        raise
    return cat.id


async def find_cat(session: AsyncSession, reference: uuid.UUID | str) -> AnyRow | None:
    """The cat with this id or slug, whatever its status."""
    query = _BY_ID if isinstance(reference, uuid.UUID) else _BY_SLUG
    return (await session.execute(query, {"reference": reference})).one_or_none()


async def find_cats(session: AsyncSession, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, AnyRow]:
    """Those of the cats that there are, by id."""
    return {cat.id: cat for cat in await session.execute(_BY_IDS, {"ids": list(ids)})}


async def is_owned(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> bool:
    """Whether the cat is the developer's."""
    return await session.scalar(select(Cat.id).where(Cat.id == cat_id, Cat.developer_id == developer_id)) is not None


async def lock_cat(session: AsyncSession, *conditions: ColumnElement[bool]) -> AnyRow | None:
    """The state of the cat that meets ``conditions``, locked until the transaction ends."""
    query = (
        select(Cat.status, Cat.suspension_reason, Cat.status_before_suspension, Cat.version)
        .where(*conditions)
        .with_for_update()
    )
    return (await session.execute(query)).one_or_none()


async def change_cat(session: AsyncSession, cat_id: uuid.UUID, values: Mapping[str, Any]) -> None:
    """Set ``values`` on the cat."""
    await session.execute(update(Cat).where(Cat.id == cat_id).values(**values))


async def delete_cat(session: AsyncSession, cat_id: uuid.UUID) -> None:
    """Remove a cat with its releases, permissions and reports.

    Raises:
        CatInUseError: somebody installed it once, or does so in this instant.
    """
    try:
        await session.execute(delete(Cat).where(Cat.id == cat_id))
    except IntegrityError as error:
        if broken_constraint(error) == "fk_installations_cat_id_cats":
            raise CatInUseError from None
        raise
