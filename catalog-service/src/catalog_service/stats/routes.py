"""Stats over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter

from catalog_service.stats.schemas import StatsView
from catalog_service.stats.service import StatsService
from cathouse.identity import DeveloperReader
from cathouse.web import provided

router = APIRouter(prefix="/api/v1/cats", tags=["stats"])

Stats = Annotated[StatsService, provided("stats")]


@router.get("/{cat_id}/stats")
async def read_stats(cat_id: uuid.UUID, developer: DeveloperReader, stats: Stats) -> StatsView:
    """How many have the cat, and how often it was talked to in the last 30 days; for its owner only."""
    return await stats.find(developer.user_id, cat_id)
