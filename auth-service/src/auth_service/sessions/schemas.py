"""Logging in, as requests and answers."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from auth_service.accounts.schemas import Password
from auth_service.second_factor.schemas import Code
from cathouse.web import Moment, RequestModel


class Login(RequestModel):
    """Who wants in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "test@example.com", "password": "Test123!@#"}]})

    email: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=320)]
    password: Password
    totp_code: Code | None = Field(None, description="A code of the authenticator app, or a recovery code.")


class PasswordForm(BaseModel):
    """The password form of OAuth2 (RFC 6749 section 4.3.2); ``username`` is the e-mail address."""

    grant_type: Literal["password"] | None = None
    username: str
    password: Annotated[str, WithJsonSchema({"type": "string", "format": "password"})]
    scope: str = Field("", description="Ignored: what somebody may do is the account's.")
    client_id: str | None = Field(None, description="Ignored.")
    client_secret: str | None = Field(None, description="Ignored.")


class RefreshRequest(RequestModel):
    """The token that a log-in or the last refresh gave."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Tokens(BaseModel):
    """What a log-in gives. Times are in seconds from now."""

    model_config = ConfigDict(
        json_schema_serialization_defaults_required=True,
        json_schema_extra={
            "examples": [
                {
                    "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…",
                    "token_type": "bearer",
                    "expires_in": 600,
                    "refresh_token": "chr_…",
                    "refresh_expires_in": 1209600,
                }
            ]
        },
    )

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the type's name, RFC 6750
    expires_in: int = Field(description="Seconds until the access token ends.")
    refresh_token: str
    refresh_expires_in: int = Field(description="Seconds until the refresh token ends when it is not used.")


class SessionView(BaseModel):
    """A log-in that still holds, on one device."""

    model_config = ConfigDict(title="Session")

    id: uuid.UUID
    user_agent: str | None
    ip: str | None
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment = Field(description="When it ends if it is not used until then.")
    current: bool = Field(description="Whether the access token of this request belongs to it.")
