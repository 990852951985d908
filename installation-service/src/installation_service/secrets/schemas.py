"""Secrets as requests."""

from cathouse.web import RequestModel
from installation_service.installations.schemas import SecretValue


class SecretChange(RequestModel):
    """The credential; kept encrypted, and never shown again."""

    value: SecretValue
