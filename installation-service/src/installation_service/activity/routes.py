"""Activity over HTTP: reported by proxy-service, shown to players."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CurrentPlayer, called_by
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, provided, view_of
from installation_service.activity.schemas import ActivityView, InteractionReports
from installation_service.activity.service import ActivityService

router = APIRouter()

Activity = Annotated[ActivityService, provided("activity")]


@router.post("/internal/v1/interactions", status_code=204, dependencies=[called_by("proxy")], tags=["internal"])
async def report_interactions(reports: InteractionReports, activity: Activity) -> None:
    """What proxy-service saw; reporting something twice is no error."""
    await activity.report(reports)


@router.get("/api/v1/installations/{installation_id}/activity", tags=["installations"])
async def list_activity(
    installation_id: uuid.UUID,
    player: CurrentPlayer,
    activity: Activity,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ActivityView]:
    """What happened within 30 days, newest first: interactions, and every use of a permission."""
    keyset = Keyset.read(cursor, limit=limit, filters={"activity": installation_id}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await activity.list(player.user_id, installation_id, keyset=keyset)
    items = [view_of(ActivityView, row) for row in rows]
    return Page[ActivityView](items=items, next_cursor=next_cursor)
