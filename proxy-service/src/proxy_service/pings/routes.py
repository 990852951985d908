"""Pings over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CatalogWriter
from cathouse.web import provided
from proxy_service.loop_guard import breaks_loops
from proxy_service.pings.schemas import PingResult
from proxy_service.pings.service import PingService

router = APIRouter(tags=["cats"])


@router.post("/api/v1/cats/{cat_id}/test", dependencies=[breaks_loops])
async def test_cat(
    cat_id: uuid.UUID, developer: CatalogWriter, pings: Annotated[PingService, provided("pings")]
) -> PingResult:
    """Send a signed ping to the endpoint of your cat's newest release, published or not.

    A failure of the cat is a result like any other, with the time of each phase and the cause. A host that does not
    exist, does not answer or is not public is told in the same words and times.
    """
    return await pings.ping(developer.user_id, cat_id)
