"""What developers see, over HTTP."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CurrentDeveloper, DeveloperReader
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, provided, view_of
from installation_service.developers.schemas import DeveloperInstallationView, EventView, InteractionView
from installation_service.developers.service import DeveloperService
from installation_service.developers.views import developer_view

router = APIRouter(prefix="/api/v1/developer/cats/{cat_id}", tags=["for developers"])

Developers = Annotated[DeveloperService, provided("developers")]


@router.get("/installations")
async def list_cat_installations(
    cat_id: uuid.UUID,
    developer: DeveloperReader,
    developers: Developers,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[DeveloperInstallationView]:
    """Who has a cat of the caller's, newest first: to make good what a lost event would have told."""
    keyset = Keyset.read(cursor, limit=limit, filters={"installations": cat_id}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await developers.installations(developer.user_id, cat_id, keyset=keyset)
    return Page[DeveloperInstallationView](items=[developer_view(row) for row in rows], next_cursor=next_cursor)


@router.get("/interactions")
async def list_cat_interactions(
    cat_id: uuid.UUID,
    developer: DeveloperReader,
    developers: Developers,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[InteractionView]:
    """How the interactions of a cat of the caller's went within 30 days, newest first; nothing of what was said."""
    keyset = Keyset.read(cursor, limit=limit, filters={"interactions": cat_id}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await developers.interactions(developer.user_id, cat_id, keyset=keyset)
    return Page[InteractionView](items=[view_of(InteractionView, row) for row in rows], next_cursor=next_cursor)


@router.get("/events")
async def list_events(
    cat_id: uuid.UUID,
    developer: DeveloperReader,
    developers: Developers,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[EventView]:
    """What a cat of the caller's was told of its installations within 30 days, with every attempt; newest first."""
    keyset = Keyset.read(cursor, limit=limit, filters={"events": cat_id}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await developers.events(developer.user_id, cat_id, keyset=keyset)
    return Page[EventView](items=[view_of(EventView, row) for row in rows], next_cursor=next_cursor)


@router.post("/events/{event_id}/resend")
async def resend_event(
    cat_id: uuid.UUID, event_id: uuid.UUID, developer: CurrentDeveloper, developers: Developers
) -> EventView:
    """Deliver an event now, under the same webhook-id: once more when it was delivered or given up."""
    return view_of(EventView, await developers.resend_event(developer.user_id, cat_id, event_id))
