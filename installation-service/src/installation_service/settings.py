"""installation-service's own variables."""

from cathouse.web import ServiceSettings


class InstallationSettings(ServiceSettings):
    """What installation-service reads from the environment: so far what all services read."""
