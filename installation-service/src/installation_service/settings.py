"""installation-service's own variables."""

from pydantic import Field, HttpUrl

from cathouse.web import ServiceSettings


class InstallationSettings(ServiceSettings):
    """What installation-service reads from the environment."""

    proxy_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:8004"), description="proxy-service, which tells cats what becomes of installations"
    )
