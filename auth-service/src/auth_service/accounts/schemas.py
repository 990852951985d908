"""Accounts as requests and answers."""

import uuid
import zoneinfo
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from cathouse.schema import Role
from cathouse.web import ChangeModel, Moment


def _checked_email(text: str) -> str:
    try:
        # The local part stays ASCII: what looks like another address is not one.
        validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return text


def _known_timezone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        raise ValueError("expected a time zone of the IANA database, for example Europe/Berlin")
    return name


Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_checked_email)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
DisplayName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Timezone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_timezone)]


class ProfileChange(ChangeModel):
    """What a person may change of the own account; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"display_name": "Mia", "timezone": "Europe/Berlin"}]})

    display_name: DisplayName | None = None
    timezone: Timezone | None = None


class UserView(BaseModel):
    """An account, as its owner and admins see it."""

    model_config = ConfigDict(
        title="User",
        json_schema_extra={
            "examples": [
                {
                    "id": "8a4f6c1e-0d3b-4e52-9b7a-2c6d1f0e5b93",
                    "email": "mia@example.com",
                    "email_verified": True,
                    "display_name": "Mia",
                    "role": "player",
                    "is_active": True,
                    "timezone": "Europe/Berlin",
                    "clerk_user_id": None,
                    "has_password": True,
                    "totp_enabled": False,
                    "created_at": "2026-11-21T18:00:00Z",
                    "updated_at": "2026-11-21T18:00:00Z",
                }
            ]
        },
    )

    id: uuid.UUID
    email: str
    email_verified: bool
    display_name: str
    role: Role
    is_active: bool
    timezone: str
    clerk_user_id: str | None
    has_password: bool
    totp_enabled: bool
    created_at: Moment
    updated_at: Moment
