"""API keys as requests and answers."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from cathouse.identity import Scope
from cathouse.web import GivenMoment, Moment, RequestModel


def _in_the_future(moment: dt.datetime) -> dt.datetime:
    if moment <= dt.datetime.now(dt.UTC):
        raise ValueError("expected a time in the future")
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:  # beyond the year 9999 in UTC
        raise ValueError("expected a time that is not as far away") from None


def _once_each(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) != len(scopes):
        raise ValueError("each scope at most once")
    return scopes


class ApiKeyCreation(RequestModel):
    """A new key."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "release pipeline", "scopes": ["catalog:write"], "expires_at": None}]}
    )

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    scopes: Annotated[list[Scope], Field(min_length=1), AfterValidator(_once_each)]
    expires_at: Annotated[GivenMoment, AfterValidator(_in_the_future)] | None = Field(
        None, description="Null: it holds until it is removed."
    )


class ApiKeyView(BaseModel):
    """A key, without what opens anything."""

    model_config = ConfigDict(title="ApiKey")

    id: uuid.UUID
    name: str
    prefix: str = Field(description="What the key begins with.")
    scopes: list[Scope]
    expires_at: Moment | None
    last_used_at: Moment | None
    created_at: Moment


class NewApiKeyView(ApiKeyView):
    """A key that was just made: ``key`` is shown here and never again."""

    model_config = ConfigDict(title="NewApiKey")

    key: str


class ApiKeyExchange(RequestModel):
    """The key that is to become an access token."""

    api_key: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class ScopedToken(BaseModel):
    """A short access token. There is no refresh token: send the key again."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the type's name, RFC 6750
    expires_in: int = Field(description="Seconds until the access token ends.")
    scope: str = Field(description="What it may do, separated by blanks (RFC 6749 section 3.3).")
