"""proxy-service's own variables."""

import ipaddress
import re
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, HttpUrl, field_validator, model_validator
from pydantic_settings import NoDecode

from cathouse.web import SERVICES, OutsideUrlRules, RatesText, ServiceSettings, split_by_commas

_SERVER = re.compile(r"(?:(?P<v4>[0-9.]+)|\[(?P<v6>[0-9a-fA-F:]+)\])(?::(?P<port>[0-9]{1,5}))?")


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
    dns_servers: Annotated[list[str], NoDecode, BeforeValidator(split_by_commas)] = Field(
        [], description="name servers to ask about hosts that users named, comma-separated; the machine's by default"
    )
    limit_interactions: RatesText = Field(
        "60/minute", description="interactions of an installation: COUNT/PERIOD, several by ;, or off"
    )
    limit_external_calls: RatesText = Field(
        "60/minute", description="external calls of an installation: COUNT/PERIOD, several by ;, or off"
    )

    @field_validator("dns_servers")
    @classmethod
    def _servers_are_addresses(cls, value: list[str]) -> list[str]:
        for server in value:
            if not _is_server(server):
                raise ValueError(f"{server}: expected an IP address, or one with a port: 9.9.9.9:53, [2620:fe::fe]:53")
        return value

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
            own_hosts=frozenset(url.host for url in self._public_urls() if url.host is not None),
        )

    def callback_urls(self) -> tuple[str, str]:
        """The base URLs of installation-service and of this service, as cats reach them."""
        installation = str(self.public_installation_url or self.installation_url)
        proxy = str(self.public_proxy_url or f"http://127.0.0.1:{self.proxy_port}")
        return installation.rstrip("/"), proxy.rstrip("/")

    def _public_urls(self) -> list[HttpUrl]:
        urls = (self.public_auth_url, self.public_installation_url, self.public_proxy_url)
        return [url for url in urls if url is not None]


def _is_server(text: str) -> bool:
    found = _SERVER.fullmatch(text)
    try:
        ipaddress.ip_address((found and (found["v4"] or found["v6"])) or "")
    except ValueError:
        return False
    return found is not None and 1 <= int(found["port"] or 53) <= 65535
