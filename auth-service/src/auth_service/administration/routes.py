"""Administration over HTTP."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from auth_service.accounts.schemas import UserView
from auth_service.administration.schemas import UserChange
from auth_service.administration.service import AdministrationService
from cathouse.identity import CurrentAdmin
from cathouse.schema import Role
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, SafeText, provided, view_of

router = APIRouter(prefix="/api/v1/users", tags=["administration"])

Administration = Annotated[AdministrationService, provided("administration")]
Search = Annotated[SafeText | None, Query(max_length=100, description="A part of the address or of the name.")]


@router.get("")
async def list_users(
    _admin: CurrentAdmin,
    administration: Administration,
    search: Search = None,
    role: Role | None = None,
    is_active: bool | None = None,  # noqa: FBT001 - a query parameter
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[UserView]:
    """All accounts, newest first."""
    filters = {"search": search, "role": role, "is_active": is_active}
    keyset = Keyset.read(cursor, limit=limit, filters=filters, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await administration.list(search=search, role=role, is_active=is_active, keyset=keyset)
    return Page[UserView](items=[view_of(UserView, row) for row in rows], next_cursor=next_cursor)


@router.get("/{user_id}")
async def read_user(user_id: uuid.UUID, _admin: CurrentAdmin, administration: Administration) -> UserView:
    """One account."""
    return view_of(UserView, await administration.find(user_id))


@router.patch("/{user_id}")
async def change_user(
    user_id: uuid.UUID, admin: CurrentAdmin, change: UserChange, administration: Administration
) -> UserView:
    """Give an account another role, or close or open it. It is logged out everywhere; its last access token holds for
    ten minutes at most.
    """
    return view_of(UserView, await administration.change(admin.user_id, user_id, change))
