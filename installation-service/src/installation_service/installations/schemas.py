"""Installations as requests and answers."""

import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from cathouse.schema import CatStatus, InstallationStatus, PermissionType
from cathouse.web import ChangeModel, Flag, Moment

InstanceName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
SecretValue = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[!-~]([ -~]*[!-~])?$")]
"""What a header can carry everywhere: visible ASCII, and blanks within (RFC 9110 section 5.5)."""


Grants = Annotated[
    dict[PermissionType, Flag],
    # Generators of clients make members of properties, and nothing of pydantic's propertyNames.
    WithJsonSchema(
        {
            "type": "object",
            "properties": {each.value: {"type": "boolean"} for each in PermissionType},
            "additionalProperties": False,
        }
    ),
]
"""Yes or no to some permissions."""


class InstallationChange(ChangeModel):
    """Another name, another config; what is not sent stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"instance_name": "Misty the Second"}]})

    instance_name: InstanceName = Field(default="", description="What the installation is to be called.")
    config: dict[str, Any] = Field(default={}, description="The whole config, as the cat's config_schema wants it.")


class CatSummary(BaseModel):
    """The cat of an installation."""

    id: uuid.UUID
    slug: str
    name: str
    status: CatStatus


class GrantView(BaseModel):
    """One permission and the player's answer to it."""

    model_config = ConfigDict(title="Grant")

    permission_type: PermissionType
    description: str
    required: bool
    granted: bool
    granted_at: Moment | None


class SecretState(BaseModel):
    """A secret that the release declares, and whether the player gave it."""

    name: str
    description: str
    required: bool
    set: bool


class SuspensionView(BaseModel):
    """Who stopped an installation, why, and since when."""

    model_config = ConfigDict(title="Suspended")

    by: Literal["developer", "operator"]
    reason: str
    since: Moment


class UpgradeView(BaseModel):
    """A newer release that waits for consent, and what it asks for."""

    model_config = ConfigDict(title="AvailableUpgrade")

    version: str
    asks_for: list[PermissionType]
    secrets: list[str]


class CatsInstallationView(BaseModel):
    """An installation, for its cat: as the envelopes have it. ``permissions`` are those that are granted now."""

    model_config = ConfigDict(title="CatsInstallation")

    id: uuid.UUID
    instance_name: str
    config: dict[str, Any]
    version: str | None
    permissions: list[PermissionType]


class InstallationView(BaseModel):
    """An installation, for its player."""

    model_config = ConfigDict(
        title="Installation",
        json_schema_extra={
            "examples": [
                {
                    "id": "6d1c7f0a-2f0b-4a53-8f3e-0d5f7a9b2c11",
                    "cat": {
                        "id": "6f1f7a0e-4c66-4e0b-8f5b-0f9a3c1d2e4b",
                        "slug": "whisker-weather",
                        "name": "Whisker Weather",
                        "status": "published",
                    },
                    "version": "1.0.0",
                    "instance_name": "Misty",
                    "config": {},
                    "status": "active",
                    "suspended": None,
                    "permissions": [
                        {
                            "permission_type": "storage",
                            "description": "To remember where you live.",
                            "required": True,
                            "granted": True,
                            "granted_at": "2026-11-21T18:00:00Z",
                        }
                    ],
                    "upgrade_available": {"version": "2.0.0", "asks_for": ["notification"], "secrets": []},
                    "secrets": [],
                    "installed_at": "2026-11-21T18:00:00Z",
                    "last_interaction_at": None,
                    "updated_at": "2026-11-21T18:00:00Z",
                }
            ]
        },
    )

    id: uuid.UUID
    cat: CatSummary
    version: str | None
    instance_name: str
    config: dict[str, Any]
    status: InstallationStatus
    suspended: SuspensionView | None
    permissions: list[GrantView]
    upgrade_available: UpgradeView | None
    secrets: list[SecretState]
    installed_at: Moment
    last_interaction_at: Moment | None
    updated_at: Moment
