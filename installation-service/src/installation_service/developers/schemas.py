"""What developers see, as answers."""

import uuid

from pydantic import BaseModel, ConfigDict, Field

from cathouse.schema import InstallationStatus
from cathouse.web import Moment
from installation_service.installations.schemas import SuspensionView


class DeveloperInstallationView(BaseModel):
    """One installation of the developer's cat. ``alias`` is the player as the cat knows them; null: erased."""

    model_config = ConfigDict(title="DeveloperInstallation")

    installation_id: uuid.UUID
    alias: uuid.UUID | None
    version: str | None
    status: InstallationStatus
    suspended: SuspensionView | None
    since: Moment = Field(description="When it was installed.")


class InteractionView(BaseModel):
    """That an interaction took place and how it went; never what was said.

    With the kind `external` it is a call of the cat's to a host outside.
    """

    model_config = ConfigDict(from_attributes=True, title="Interaction")

    id: uuid.UUID
    at: Moment
    kind: str
    status_code: int
    proxy_error: str | None
    duration_ms: int
