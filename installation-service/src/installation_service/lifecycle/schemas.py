"""Lifecycle events as answers."""

import uuid

from pydantic import BaseModel, ConfigDict

from cathouse.schema import LifecycleEventType
from cathouse.web import Moment


class AttemptView(BaseModel):
    """One attempt to deliver an event. ``status_code`` is the cat's; ``proxy_error`` says why there was none."""

    model_config = ConfigDict(title="Attempt")

    at: Moment
    status_code: int | None
    proxy_error: str | None
    duration_ms: int


class EventView(BaseModel):
    """What a cat was told, or is to be told, of an installation; ``id`` is the webhook-id's."""

    model_config = ConfigDict(from_attributes=True, title="Event")

    id: uuid.UUID
    type: LifecycleEventType
    installation_id: uuid.UUID
    created_at: Moment
    delivered_at: Moment | None
    attempts: list[AttemptView]
