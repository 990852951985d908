"""proxy-service's own variables."""

from typing import Self

from pydantic import Field, HttpUrl, model_validator

from cathouse.web import SERVICES, OutsideUrlRules, ServiceSettings


class ProxySettings(ServiceSettings):
    """What proxy-service reads from the environment."""

    installation_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:8003"), description="installation-service, for reports of interactions"
    )
    public_installation_url: HttpUrl | None = Field(
        None, description="installation-service as cats reach it; INSTALLATION_URL by default"
    )
    public_proxy_url: HttpUrl | None = Field(None, description="this service as cats reach it")
    allow_private_endpoints: bool = Field(
        default=False, description="whether a cat may live on this machine, over http; development only"
    )

    @model_validator(mode="after")
    def _production_is_reachable_and_closed(self) -> Self:
        if not self.is_production:
            return self
        if self.allow_private_endpoints:
            raise ValueError("ALLOW_PRIVATE_ENDPOINTS must not be set in production: cats could call into your network")
        if self.public_installation_url is None or self.public_proxy_url is None:
            raise ValueError(
                "PUBLIC_INSTALLATION_URL and PUBLIC_PROXY_URL are not set: cats are told to call back there"
            )
        return self

    def outside_urls(self) -> OutsideUrlRules:
        """What an endpoint's URL may look like here."""
        return OutsideUrlRules(
            allow_private=self.allow_private_endpoints,
            own_ports=frozenset(self.port(service) for service in SERVICES),
        )

    def callback_urls(self) -> tuple[str, str]:
        """The base URLs of installation-service and of this service, as cats reach them."""
        installation = str(self.public_installation_url or self.installation_url)
        proxy = str(self.public_proxy_url or f"http://127.0.0.1:{self.proxy_port}")
        return installation.rstrip("/"), proxy.rstrip("/")
