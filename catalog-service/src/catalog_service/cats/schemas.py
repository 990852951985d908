"""Cats as requests and answers."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from catalog_service.releases.schemas import PermissionView, ReleaseContent
from cathouse.schema import CatStatus
from cathouse.web import ChangeModel, Moment, OutsideUrlRules, RequestModel, folded_tags

MOST_TAGS = 20


def _public_url(text: str) -> str:
    OutsideUrlRules().check(text)
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Description = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=30)]
Tags = Annotated[list[Tag], BeforeValidator(folded_tags), Field(default_factory=list, max_length=MOST_TAGS)]
PublicUrl = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_public_url)]


class CatCreation(ReleaseContent):
    """A new cat with its first release."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Whisker Weather",
                    "description": "Looks out of the window for you and says whether you need a coat.",
                    "version": "1.0.0",
                    "endpoint_url": "https://cats.example.com/weather",
                    "tags": ["weather", "daily"],
                    "permissions": [
                        {"permission_type": "storage", "description": "To remember where you live.", "required": True},
                        {"permission_type": "notification", "description": "To warn you of rain.", "required": False},
                    ],
                }
            ]
        }
    )

    name: Name
    slug: Slug | None = Field(None, description="Made from the name when left out.")
    description: Description
    tags: Tags
    icon_url: PublicUrl | None = None
    support_url: PublicUrl | None = None
    privacy_url: PublicUrl | None = None


class CatChange(ChangeModel):
    """What may change at any time; what is left out stays, null takes a URL away. The rest belongs to releases."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tags": ["weather", "rain"]}]})

    name: Name = ""
    description: Description = ""
    tags: Tags
    icon_url: PublicUrl | None = None
    support_url: PublicUrl | None = None
    privacy_url: PublicUrl | None = None


class Deprecation(RequestModel):
    """Why nobody should begin with the cat any more, and what to use instead; null takes it back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": "Use Whisker Weather 2 instead."}]})

    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] | None


class DeveloperView(BaseModel):
    """Who made a cat."""

    model_config = ConfigDict(title="Developer")

    id: uuid.UUID
    display_name: str


_CAT: JsonDict = {
    "id": "6f1f7a0e-4c66-4e0b-8f5b-0f9a3c1d2e4b",
    "slug": "whisker-weather",
    "name": "Whisker Weather",
    "description": "Looks out of the window for you and says whether you need a coat.",
    "version": "1.0.0",
    "status": "published",
    "tags": ["daily", "weather"],
    "developer": {"id": "1c9e2b57-7a64-4f0e-9d0a-5b8f3f0f7a31", "display_name": "Otto"},
    "permissions": [
        {
            "id": "b3e0d8f4-6a1c-4b7d-8e25-9f4c2a7d1e60",
            "permission_type": "storage",
            "description": "To remember where you live.",
            "required": True,
        }
    ],
    "icon_url": None,
    "support_url": None,
    "privacy_url": "https://cats.example.com/privacy",
    "deprecation": None,
    "installations_count": 12,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-21T18:00:00Z",
}


class CatView(BaseModel):
    """A cat, for everybody."""

    model_config = ConfigDict(title="Cat", json_schema_extra={"examples": [_CAT]})

    id: uuid.UUID
    slug: str
    name: str
    description: str
    version: str
    status: CatStatus
    tags: list[str]
    developer: DeveloperView
    permissions: list[PermissionView]
    icon_url: str | None
    support_url: str | None
    privacy_url: str | None
    deprecation: str | None
    installations_count: int
    created_at: Moment
    updated_at: Moment


class OwnedCatView(CatView):
    """A cat, for its owner and admins."""

    model_config = ConfigDict(
        title="OwnedCat",
        json_schema_extra={
            "examples": [{**_CAT, "endpoint_url": "https://cats.example.com/weather", "suspension_reason": None}]
        },
    )

    endpoint_url: str
    suspension_reason: str | None
