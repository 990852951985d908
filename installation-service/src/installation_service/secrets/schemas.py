"""Secrets as requests."""

from pydantic import ConfigDict

from cathouse.web import RequestModel
from installation_service.installations.schemas import SecretValue


class SecretChange(RequestModel):
    """The credential; kept encrypted, and never shown again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": "Bearer of-a-key-of-yours"}]})

    value: SecretValue
