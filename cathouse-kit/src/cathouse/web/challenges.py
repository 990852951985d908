"""Challenging a cat's endpoint, before players are let to it: proxy-service asks it, other services ask proxy-service.

Not among what ``cathouse.web`` offers to all: a service that challenges nobody does not have the error.
"""

import uuid

from cathouse.errors import ServiceError
from cathouse.web.service_client import ServiceClient


class EndpointChallengeFailedError(ServiceError):
    """The endpoint did not answer the challenge."""

    code = "endpoint_challenge_failed"
    status = 422
    title = "The endpoint did not answer the challenge"

    def __init__(self, cause: str) -> None:
        """``cause`` is what proxy-service found, in plain words."""
        super().__init__(f"The endpoint did not prove itself: {cause}", cause=cause)


async def challenge_endpoint(proxy: ServiceClient, release_id: uuid.UUID) -> None:
    """Have the endpoint of a release prove that it speaks for the cat.

    Raises:
        EndpointChallengeFailedError: it did not.
        ServiceUnavailableError: proxy-service could not be asked.
    """
    result = await proxy.post("/internal/v1/challenges", {"release_id": str(release_id)})
    if not result["ok"]:
        raise EndpointChallengeFailedError(result["cause"])
