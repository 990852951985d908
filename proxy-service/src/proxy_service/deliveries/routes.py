"""Deliveries over HTTP, for our own services."""

from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import called_by
from cathouse.web import provided
from proxy_service.deliveries.schemas import ChallengeRequest, ChallengeResult, DeliveryRequest, DeliveryResult
from proxy_service.deliveries.service import ChallengeService, DeliveryService

router = APIRouter(tags=["internal"])


@router.post("/internal/v1/challenges", dependencies=[called_by("catalog", "installation")])
async def challenge_endpoint(
    challenge: ChallengeRequest, challenges: Annotated[ChallengeService, provided("challenges")]
) -> ChallengeResult:
    """Let a release's endpoint prove that it answers."""
    return await challenges.challenge(challenge.release_id)


@router.post("/internal/v1/deliveries", dependencies=[called_by("installation")])
async def deliver_event(
    delivery: DeliveryRequest, deliveries: Annotated[DeliveryService, provided("deliveries")]
) -> DeliveryResult:
    """Tell a cat once what became of an installation. Whatever goes wrong with the cat is a result."""
    return await deliveries.deliver(delivery)
