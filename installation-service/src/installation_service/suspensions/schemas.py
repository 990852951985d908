"""Suspensions as requests and answers."""

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from cathouse.schema import InstallationStatus
from cathouse.web import RequestModel
from installation_service.installations.schemas import SuspensionView


class Suspension(RequestModel):
    """Why; the player reads it."""

    model_config = ConfigDict(
        title="InstallationSuspension", json_schema_extra={"examples": [{"reason": "Too many calls a minute."}]}
    )

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class StandingView(BaseModel):
    """Where an installation stands, for admins: nothing of what the player wrote."""

    model_config = ConfigDict(title="InstallationStanding")

    installation_id: uuid.UUID
    cat_id: uuid.UUID
    status: InstallationStatus
    suspended: SuspensionView | None
