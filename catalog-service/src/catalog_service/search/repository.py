"""All SQL about search."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, cast, exists, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.repository import list_cats
from catalog_service.search.schemas import Sort
from catalog_service.search.text import prefix_query
from cathouse.database import AnyRow
from cathouse.schema import (
    SEARCH_CONFIGURATION,
    Cat,
    CatSearch,
    CatStatus,
    Permission,
    PermissionType,
    Release,
    ReleasePermission,
    User,
    search_document,
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of cats is narrowed by. ``developer_id`` with ``drafts`` shows a developer's own of any status."""

    search: str | None
    tags: tuple[str, ...]
    permission_type: PermissionType | None
    developer_id: uuid.UUID | None
    drafts: bool


async def refresh(session: AsyncSession, cat_id: uuid.UUID) -> None:
    """Write what search reads of a cat, in the transaction that changed it."""
    query = (
        select(Cat.name, Cat.description, Cat.tags, User.display_name)
        .join(User, User.id == Cat.developer_id)
        .where(Cat.id == cat_id)
    )
    cat = (await session.execute(query)).one()
    document = search_document(name=cat.name, tags=cat.tags, description=cat.description, developer=cat.display_name)
    statement = upsert(CatSearch).values(cat_id=cat_id, document=document)
    await session.execute(
        statement.on_conflict_do_update(index_elements=[CatSearch.cat_id], set_={"document": document})
    )


async def find_cats(
    session: AsyncSession, filters: Filters, sort: Sort, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AnyRow]:
    """The cats that meet ``filters``, from behind the sort key ``after`` on; the key is in the column ``sort_key``."""
    conditions = _conditions(filters)
    key, order = _order(filters, sort)
    if after is not None:
        position = tuple_(key, Cat.id)
        edge = tuple_(*(literal(value) for value in after))
        conditions.append(position > edge if sort == Sort.NAME else position < edge)
    return await list_cats(session, conditions=conditions, order=order, limit=limit, columns=[key.label("sort_key")])


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if not filters.drafts:
        # A literal, so that the partial indexes can be used.
        conditions.append(Cat.status == literal(CatStatus.PUBLISHED.value, literal_execute=True))
    if filters.developer_id is not None:
        conditions.append(Cat.developer_id == filters.developer_id)
    if filters.tags:
        conditions.append(Cat.tags.contains(list(filters.tags)))
    if filters.permission_type is not None:
        conditions.append(
            exists().where(
                Release.cat_id == Cat.id,
                Release.version == Cat.version,
                ReleasePermission.release_id == Release.id,
                Permission.id == ReleasePermission.permission_id,
                Permission.permission_type == filters.permission_type,
            )
        )
    if filters.search is not None and (query := prefix_query(filters.search)) is not None:
        conditions.append(
            exists().where(
                CatSearch.cat_id == Cat.id, CatSearch.document.op("@@")(func.to_tsquery(SEARCH_CONFIGURATION, query))
            )
        )
    return conditions


def _order(filters: Filters, sort: Sort) -> tuple[ColumnElement[Any], list[ColumnElement[Any]]]:
    if sort == Sort.NAME:
        name = func.lower(Cat.name)
        return name, [name.asc(), Cat.id.asc()]
    query = prefix_query(filters.search or "")
    if sort == Sort.RELEVANCE and query is not None:
        rank = cast(
            select(func.ts_rank(CatSearch.document, func.to_tsquery(SEARCH_CONFIGURATION, query)))
            .where(CatSearch.cat_id == Cat.id)
            .correlate(Cat)
            .scalar_subquery(),
            Float(53),
        )
        return rank, [rank.desc(), Cat.id.desc()]
    return Cat.created_at.expression, [Cat.created_at.desc(), Cat.id.desc()]
