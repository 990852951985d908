"""What developers see, as answers."""

import uuid

from pydantic import BaseModel, ConfigDict, Field

from cathouse.schema import InstallationStatus, LifecycleEventType
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

    model_config = ConfigDict(title="Interaction")

    id: uuid.UUID
    at: Moment
    kind: str
    status_code: int
    proxy_error: str | None
    duration_ms: int


class AttemptView(BaseModel):
    """One attempt to deliver an event. ``status_code`` is the cat's; ``proxy_error`` says why there was none."""

    model_config = ConfigDict(title="Attempt")

    at: Moment
    status_code: int | None
    proxy_error: str | None
    duration_ms: int


class EventView(BaseModel):
    """What a cat was told, or is to be told, of an installation; ``id`` is the webhook-id's."""

    model_config = ConfigDict(
        title="Event",
        json_schema_extra={
            "examples": [
                {
                    "id": "9c5e1d7b-3f2a-4b68-8d04-6e1a9f7c2b35",
                    "type": "installation.created",
                    "installation_id": "6d1c7f0a-2f0b-4a53-8f3e-0d5f7a9b2c11",
                    "created_at": "2026-11-21T18:00:00Z",
                    "delivered_at": "2026-11-21T18:00:01Z",
                    "attempts": [
                        {"at": "2026-11-21T18:00:01Z", "status_code": 204, "proxy_error": None, "duration_ms": 12}
                    ],
                }
            ]
        },
    )

    id: uuid.UUID
    type: LifecycleEventType
    installation_id: uuid.UUID
    created_at: Moment
    delivered_at: Moment | None
    attempts: list[AttemptView]
