"""Preferences as requests and answers."""

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

from auth_service.accounts.schemas import Timezone
from cathouse.web import ChangeModel, Flag, RequestModel, refuse_other_than_text

_Clock = Annotated[
    dt.time,
    BeforeValidator(refuse_other_than_text),
    PlainSerializer(lambda time: time.strftime("%H:%M"), return_type=str),
    WithJsonSchema({"type": "string"}),  # JSON Schema's "time" has seconds and an offset
]

_Theme = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]
_Nickname = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class CustomHours(RequestModel):
    """When a person wants to be reached; ``end`` before ``start`` goes past midnight."""

    start: _Clock = Field(description="HH:MM")
    end: _Clock = Field(description="HH:MM")
    timezone: Timezone


class CommunicationPreferences(BaseModel):
    """By which ways a person wants to hear from cats."""

    email: bool
    sms: bool
    in_app: bool


class CommunicationChange(ChangeModel):
    """The ways that are to change; what is left out stays."""

    email: Flag = True
    sms: Flag = False
    in_app: Flag = True


class PreferencesView(BaseModel):
    """All of them."""

    model_config = ConfigDict(
        title="Preferences",
        json_schema_extra={
            "examples": [
                {
                    "theme": "modern",
                    "custom_hours": {"start": "08:00", "end": "22:00", "timezone": "Europe/Berlin"},
                    "communication_preferences": {"email": True, "sms": False, "in_app": True},
                    "onboarding_completed": True,
                    "nickname": "Mia",
                }
            ]
        },
    )

    theme: str
    custom_hours: CustomHours | None
    communication_preferences: CommunicationPreferences
    onboarding_completed: bool
    nickname: str | None = Field(description="What cats call the person; null: they are told no name.")


class PreferencesChange(ChangeModel):
    """What is left out stays; null takes ``custom_hours`` or ``nickname`` away."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"nickname": "Mia", "communication_preferences": {"email": False}}]}
    )

    theme: _Theme = "modern"
    custom_hours: CustomHours | None = None
    communication_preferences: CommunicationChange = CommunicationChange()
    onboarding_completed: Flag = False
    nickname: _Nickname | None = None
