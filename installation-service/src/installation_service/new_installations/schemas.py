"""New installations as requests."""

import uuid
from typing import Any

from pydantic import ConfigDict, Field

from cathouse.web import RequestModel
from installation_service.installations.schemas import Grants, InstanceName, SecretValue


class InstallationCreation(RequestModel):
    """Which cat to install, under which name, and what it may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "cat_id": "6f1f7a0e-4c66-4e0b-8f5b-0f9a3c1d2e4b",
                    "instance_name": "Misty",
                    "grants": {"storage": True, "notification": False},
                }
            ]
        }
    )

    cat_id: uuid.UUID
    instance_name: InstanceName
    config: dict[str, Any] = Field(default={}, description="What the cat's config_schema asks for.")
    grants: Grants = Field(default={}, description="What is left out is denied.")
    secrets: dict[str, SecretValue] = Field(default={}, description="Kept encrypted; never shown again.")
