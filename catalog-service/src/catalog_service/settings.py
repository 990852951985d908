"""catalog-service's own variables."""

from typing import Self

from pydantic import Field, HttpUrl, model_validator

from cathouse.web import SERVICES, OutsideUrlRules, ServiceSettings


class CatalogSettings(ServiceSettings):
    """What catalog-service reads from the environment."""

    proxy_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8004"), description="proxy-service, for challenges")
    allow_private_endpoints: bool = Field(
        default=False, description="whether a cat may live on this machine, over http; development only"
    )

    @model_validator(mode="after")
    def _private_endpoints_are_for_development(self) -> Self:
        if self.is_production and self.allow_private_endpoints:
            raise ValueError("ALLOW_PRIVATE_ENDPOINTS must not be set in production: cats could call into your network")
        return self

    def outside_urls(self) -> OutsideUrlRules:
        """What an endpoint's URL may look like here."""
        return OutsideUrlRules(
            allow_private=self.allow_private_endpoints,
            own_ports=frozenset(self.port(service) for service in SERVICES),
        )
