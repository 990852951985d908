"""Upgrades as requests."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from cathouse.web import ChangeModel
from installation_service.installations.schemas import Grants, SecretValue


class Upgrade(ChangeModel):
    """To which version, and the answers to what it asks for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "2.0.0", "grants": {"storage": True, "notification": True}}]}
    )

    version: Annotated[str, StringConstraints(min_length=5, max_length=32)] = Field(
        description="As upgrade_available names it."
    )
    grants: Grants = Field(default={}, description="What is left out stays as it is.")
    config: dict[str, Any] | None = Field(default=None, description="What is left out stays as it is.")
    secrets: dict[str, SecretValue] = Field(
        default={},
        description="What was given for the same host and header stays; what goes elsewhere now is needed anew.",
    )
