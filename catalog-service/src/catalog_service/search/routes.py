"""Search over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from catalog_service.cats.views import cat_view
from catalog_service.search.repository import Filters
from catalog_service.search.schemas import CatPage, Count, FacetedPage, Sort
from catalog_service.search.service import SearchService
from cathouse.identity import AuthenticationRequiredError, CatalogReader, public
from cathouse.schema import PermissionType
from cathouse.web import DEFAULT_LIMIT, Cursor, Limit, Page, SafeText, folded_tag, provided, revalidated

router = APIRouter(tags=["search"])

Search = Annotated[SearchService, provided("search")]


@router.get("/api/v1/cats")
@revalidated
async def list_cats(  # noqa: PLR0913 - one parameter for each filter
    *,
    person: CatalogReader,
    service: Search,
    search: Annotated[SafeText | None, Query(max_length=200, description="Words, the last one as you type.")] = None,
    tag: Annotated[list[SafeText] | None, Query(max_length=10, description="Repeat it to narrow further.")] = None,
    permission_type: PermissionType | None = None,
    developer_id: uuid.UUID | None = None,
    sort: Sort | None = None,
    mine: Annotated[bool, Query(description="The caller's own, drafts included.")] = False,
    facets: Annotated[
        bool, Query(description="Count tags and permissions, of the most popular cats that are found.")
    ] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> FacetedPage | CatPage:
    """The catalog: by relevance when something is searched, else newest first.

    Small typing errors are forgiven when nothing is found without.
    """
    if mine and person is None:
        raise AuthenticationRequiredError("Log in to see your own cats.")
    filters = Filters(
        search=search or None,
        tags=tuple(sorted({folded_tag(each) for each in tag or ()})),
        permission_type=permission_type,
        developer_id=person.user_id if mine and person else developer_id,
        drafts=mine,
    )
    found = await service.find(filters, sort, cursor=cursor, limit=limit, facets=facets)
    items = [cat_view(row, person) for row in found.rows]
    if found.facets is not None:
        return FacetedPage(items=items, next_cursor=found.next_cursor, facets=found.facets)
    return CatPage(items=items, next_cursor=found.next_cursor)


@router.get("/api/v1/tags", dependencies=[public])
@revalidated
async def list_tags(service: Search, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[Count]:
    """The tags of published cats with how many have each, the most frequent first; counted once a minute."""
    rows, next_cursor = await service.tags(cursor=cursor, limit=limit)
    return Page[Count](items=[Count(value=row.value, count=row.cats) for row in rows], next_cursor=next_cursor)
