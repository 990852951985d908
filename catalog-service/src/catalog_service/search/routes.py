"""Search over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from catalog_service.cats.schemas import CatView, OwnedCatView
from catalog_service.cats.views import cat_view
from catalog_service.search.repository import Filters
from catalog_service.search.schemas import Sort
from catalog_service.search.service import SearchService
from cathouse.identity import AuthenticationRequiredError, OptionalPerson
from cathouse.schema import PermissionType
from cathouse.web import DEFAULT_LIMIT, Cursor, Limit, Page, SafeText, provided

router = APIRouter(tags=["search"])


@router.get("/api/v1/cats")
async def list_cats(  # noqa: PLR0913 - one parameter for each filter
    *,
    person: OptionalPerson,
    service: Annotated[SearchService, provided("search")],
    search: Annotated[SafeText | None, Query(max_length=200, description="Words, the last one as you type.")] = None,
    tag: Annotated[list[SafeText] | None, Query(max_length=10, description="Repeat it to narrow further.")] = None,
    permission_type: PermissionType | None = None,
    developer_id: uuid.UUID | None = None,
    sort: Sort | None = None,
    mine: Annotated[bool, Query(description="The caller's own, drafts included.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[OwnedCatView | CatView]:
    """The catalog."""
    if mine and person is None:
        raise AuthenticationRequiredError("Log in to see your own cats.")
    filters = Filters(
        search=search or None,
        tags=tuple(sorted({each.strip().lower() for each in tag or ()})),
        permission_type=permission_type,
        developer_id=person.user_id if mine and person else developer_id,
        drafts=mine,
    )
    rows, next_cursor = await service.find(filters, sort, cursor=cursor, limit=limit)
    return Page[OwnedCatView | CatView](items=[cat_view(row, person) for row in rows], next_cursor=next_cursor)
