"""The audit as answers."""

import uuid
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cathouse.web import Moment


class AuditEventView(BaseModel):
    """Who did what to what. It holds ids and no personal data: nothing of it can be erased."""

    model_config = ConfigDict(title="AuditEvent")

    id: uuid.UUID
    at: Moment
    actor_id: uuid.UUID | None = Field(description="Null: the operator's command, or a job of the house.")
    action: str
    subject: dict[str, str] = Field(description="Ids by what they are of, for example `user_id`.")
    detail: dict[str, Any]
