"""Lifecycle events over HTTP, for the developers of cats."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CurrentDeveloper, DeveloperReader
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, provided
from installation_service.lifecycle.schemas import EventView
from installation_service.lifecycle.service import LifecycleService

router = APIRouter(prefix="/api/v1/developer/cats/{cat_id}/events", tags=["for developers"])

Lifecycle = Annotated[LifecycleService, provided("lifecycle")]


@router.get("")
async def list_events(
    cat_id: uuid.UUID,
    developer: DeveloperReader,
    lifecycle: Lifecycle,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[EventView]:
    """What a cat of the caller's was told of its installations within 30 days, with every attempt; newest first."""
    keyset = Keyset.read(cursor, limit=limit, filters={"events": cat_id}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await lifecycle.list(developer.user_id, cat_id, keyset=keyset)
    return Page[EventView](items=[EventView.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("/{event_id}/resend")
async def resend_event(
    cat_id: uuid.UUID, event_id: uuid.UUID, developer: CurrentDeveloper, lifecycle: Lifecycle
) -> EventView:
    """Deliver an event now, under the same webhook-id: once more when it was delivered or given up."""
    return EventView.model_validate(await lifecycle.resend(developer.user_id, cat_id, event_id))
