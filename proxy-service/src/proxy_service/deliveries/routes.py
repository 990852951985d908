"""Deliveries over HTTP, for our own services."""

from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import called_by
from cathouse.web import provided
from proxy_service.deliveries.schemas import ChallengeRequest, ChallengeResult
from proxy_service.deliveries.service import ChallengeService

router = APIRouter(tags=["internal"])


@router.post("/internal/v1/challenges", dependencies=[called_by("catalog")])
async def challenge_endpoint(
    challenge: ChallengeRequest, challenges: Annotated[ChallengeService, provided("challenges")]
) -> ChallengeResult:
    """Let a release's endpoint prove that it answers."""
    return await challenges.challenge(challenge.release_id)
