"""Tokens as requests and answers."""

import uuid

from pydantic import BaseModel, ConfigDict

from cathouse.web import Moment, RequestModel


class TokenRequest(RequestModel):
    """For which installation."""

    installation_id: uuid.UUID


class TokenView(BaseModel):
    """A callback token, like the one of an envelope."""

    model_config = ConfigDict(
        title="CallbackToken",
        json_schema_extra={"examples": [{"token": "chi_…", "expires_at": "2026-11-21T18:05:00Z"}]},
    )

    token: str
    expires_at: Moment
