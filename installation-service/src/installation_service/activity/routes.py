"""Activity over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import called_by
from cathouse.web import provided
from installation_service.activity.schemas import InteractionReports
from installation_service.activity.service import ActivityService

router = APIRouter(tags=["internal"])


@router.post("/internal/v1/interactions", status_code=204, dependencies=[called_by("proxy")])
async def report_interactions(
    reports: InteractionReports, activity: Annotated[ActivityService, provided("activity")]
) -> None:
    """What proxy-service saw; reporting something twice is no error."""
    await activity.report(reports)
