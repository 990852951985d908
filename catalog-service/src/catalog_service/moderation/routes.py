"""Moderation over HTTP."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter

from catalog_service.cats.schemas import OwnedCatView
from catalog_service.cats.views import owned_cat_view
from catalog_service.moderation.schemas import ModerationEntryView, Suspension
from catalog_service.moderation.service import ModerationService
from cathouse.identity import CurrentAdmin, public
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, provided, revalidated, view_of

router = APIRouter(prefix="/api/v1", tags=["moderation"])

Moderation = Annotated[ModerationService, provided("moderation")]


@router.post("/cats/{cat_id}/suspend")
async def suspend_cat(
    cat_id: uuid.UUID, admin: CurrentAdmin, suspension: Suspension, moderation: Moderation
) -> OwnedCatView:
    """Stop a cat: from the next request on nobody reaches it."""
    return owned_cat_view(await moderation.suspend(admin.user_id, cat_id, suspension.reason))


@router.post("/cats/{cat_id}/reinstate")
async def reinstate_cat(cat_id: uuid.UUID, admin: CurrentAdmin, moderation: Moderation) -> OwnedCatView:
    """Let a suspended cat go on as it was."""
    return owned_cat_view(await moderation.reinstate(admin.user_id, cat_id))


@router.get("/moderation-log", dependencies=[public])
@revalidated
async def read_moderation_log(
    moderation: Moderation, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ModerationEntryView]:
    """Which cats were stopped and let go on, and why, newest first; for everybody."""
    keyset = Keyset.read(cursor, limit=limit, filters={}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await moderation.log(keyset)
    return Page[ModerationEntryView](items=[view_of(ModerationEntryView, row) for row in rows], next_cursor=next_cursor)
