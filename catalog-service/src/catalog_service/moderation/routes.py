"""Moderation over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter

from catalog_service.cats.schemas import CatView, OwnedCatView
from catalog_service.cats.views import cat_view
from catalog_service.moderation.schemas import Suspension
from catalog_service.moderation.service import ModerationService
from cathouse.identity import CurrentAdmin
from cathouse.web import provided

router = APIRouter(prefix="/api/v1/cats", tags=["moderation"])

Moderation = Annotated[ModerationService, provided("moderation")]


@router.post("/{cat_id}/suspend")
async def suspend_cat(
    cat_id: uuid.UUID, admin: CurrentAdmin, suspension: Suspension, moderation: Moderation
) -> OwnedCatView | CatView:
    """Stop a cat: from the next request on nobody reaches it."""
    return cat_view(await moderation.suspend(admin, cat_id, suspension.reason), admin)


@router.post("/{cat_id}/reinstate")
async def reinstate_cat(cat_id: uuid.UUID, admin: CurrentAdmin, moderation: Moderation) -> OwnedCatView | CatView:
    """Let a suspended cat go on as it was."""
    return cat_view(await moderation.reinstate(admin, cat_id), admin)
