"""The variables that every service reads."""

import re
from typing import Annotated, Self
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from cathouse.configuration import EnvironmentSettings
from cathouse.database import DatabaseSettings
from cathouse.identity import IdentitySettings
from cathouse.identity.access import TOKEN_PATH
from cathouse.identity.keys import SHORTEST_ROOT, USED_BY, hkdf
from cathouse.schema.ownership import SERVICES, ServiceName
from cathouse.web.client_address import parse_trusted_proxies
from cathouse.web.limits.memory import BoundedMemoryStorage
from cathouse.web.limits.rates import Limiter, Rates, parse_rates
from cathouse.web.limits.redis_server import RedisServer
from cathouse.web.limits.shared import SharedLimiter
from cathouse.web.observing.tracing import Tracing

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")

PORTS: dict[ServiceName, int] = {"auth": 8001, "catalog": 8002, "installation": 8003, "proxy": 8004}


def split_by_commas(value: object) -> object:
    """The parts of a variable that lists several things, origins among them; for ``BeforeValidator``."""
    if not isinstance(value, str):
        return value
    return [part.strip().rstrip("/") for part in value.split(",") if part.strip()]


def _readable(text: str) -> str:
    parse_rates(text)
    return text


RatesText = Annotated[str, AfterValidator(_readable)]
"""A variable that holds rates: COUNT/PERIOD, several by ;, or off."""


def _read_proxies(value: object) -> object:
    return parse_trusted_proxies(value) if isinstance(value, str) else value


class PortSettings(EnvironmentSettings):
    """Where each service listens."""

    auth_port: int = Field(PORTS["auth"], ge=1, le=65535)
    catalog_port: int = Field(PORTS["catalog"], ge=1, le=65535)
    installation_port: int = Field(PORTS["installation"], ge=1, le=65535)
    proxy_port: int = Field(PORTS["proxy"], ge=1, le=65535)

    def port(self, service: ServiceName) -> int:
        """Where ``service`` listens: ``AUTH_PORT`` and so on."""
        ports = {
            "auth": self.auth_port,
            "catalog": self.catalog_port,
            "installation": self.installation_port,
            "proxy": self.proxy_port,
        }
        return ports[service]


class ServiceSettings(DatabaseSettings, IdentitySettings, PortSettings):
    """What all four services have in common."""

    host: str = "127.0.0.1"
    cors_origins: Annotated[list[str] | None, NoDecode, BeforeValidator(split_by_commas)] = Field(
        None, description="origins of browsers that may call, comma-separated"
    )
    trusted_proxies: Annotated[list[str], NoDecode, BeforeValidator(_read_proxies)] = Field(
        [], description="addresses and networks of the proxies whose X-Forwarded-For is believed, comma-separated"
    )
    metrics_token: SecretStr | None = Field(None, description="what /metrics wants as its Bearer token in production")
    public_auth_url: HttpUrl | None = Field(None, description="auth-service as browsers reach it; AUTH_URL by default")
    otel_exporter_otlp_endpoint: HttpUrl | None = Field(
        None, description="where traces go, OTLP over HTTP; without it none are recorded"
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        None, description="headers for it, NAME=VALUE, several by commas, values percent-encoded"
    )
    otel_traces_sampler_arg: float = Field(1.0, ge=0, le=1, description="the part of all traces that is recorded")
    most_requests_under_way: int = Field(
        250, ge=1, description="requests that are begun at once; what comes on top gets 503 `overloaded`"
    )
    shutdown_timeout: int = Field(4, ge=1, description="seconds that requests under way get to finish at shutdown")
    redis_url: SecretStr | None = Field(
        None, description="where replicas count together how often something is done: redis://:PASSWORD@HOST:6379/0"
    )

    @field_validator("cors_origins")
    @classmethod
    def _browsers_send_such_origins(cls, value: list[str] | None) -> list[str] | None:
        for number, origin in enumerate(value or (), start=1):
            if origin == "*":
                raise ValueError("name each origin; * would let every site call with a person's token")
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"entry {number}: expected https://HOST or https://HOST:PORT in lower case, as browsers send it"
                )
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_url_is_readable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            RedisServer.parse(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _production_is_strict(self) -> Self:
        if self.is_production and self.metrics_token is None:
            raise ValueError("METRICS_TOKEN is not set: in production /metrics wants a token (32 characters or more)")
        if self.metrics_token is not None and len(self.metrics_token.get_secret_value()) < SHORTEST_ROOT:
            raise ValueError(f"METRICS_TOKEN: expected at least {SHORTEST_ROOT} characters")
        return self

    def origins(self) -> list[str]:
        """The origins that may call; in development the usual front end and the services' own docs pages."""
        if self.cors_origins is not None or self.is_production:
            return self.cors_origins or []
        hosts = ("localhost", "127.0.0.1")
        ports = [self.port(service) for service in SERVICES]
        return ["http://localhost:3000", *(f"http://{host}:{port}" for port in ports for host in hosts)]

    def tracing(self, service: ServiceName) -> Tracing | None:
        """What records the spans of ``service``, when there is somewhere to send them to.

        Whoever asks for it closes it.

        Raises:
            ValueError: the libraries for it are not installed, or OTEL_EXPORTER_OTLP_HEADERS cannot be read.
        """
        if self.otel_exporter_otlp_endpoint is None:
            return None
        return Tracing.open(
            service,
            endpoint=str(self.otel_exporter_otlp_endpoint),
            headers=self._otlp_headers(),
            ratio=self.otel_traces_sampler_arg,
        )

    def _otlp_headers(self) -> dict[str, str]:
        text = self.otel_exporter_otlp_headers.get_secret_value() if self.otel_exporter_otlp_headers else ""
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        if not all(name.strip() and equals for name, equals, _ in pairs):
            raise ValueError("OTEL_EXPORTER_OTLP_HEADERS: expected NAME=VALUE, several separated by commas")
        return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}

    def address_limits(self) -> dict[str, Rates]:
        """What each client's address is held to, by the names that ``limited_by_address`` is given."""
        return {}

    async def limiter(self, service: ServiceName) -> Limiter:
        """What counts how often something is done: this process by itself, or all replicas where ``REDIS_URL`` is set.

        Whoever asks for it closes it.

        Raises:
            ValueError: when a key of ``service`` is missing.
        """
        if self.redis_url is None:
            return Limiter(BoundedMemoryStorage())
        # Any key that all replicas have and Redis has not.
        _, secret = self.keyring(min(USED_BY[service]), service).current
        server = RedisServer.parse(self.redis_url.get_secret_value())
        return await SharedLimiter.open(server, service=service, secret=hkdf(secret, "limits/v1"))

    def token_url(self) -> str:
        """Where a browser logs in."""
        return f"{str(self.public_auth_url or self.auth_url).rstrip('/')}{TOKEN_PATH}"

    def check(self, service: ServiceName) -> None:
        """Make sure of what cannot be seen field by field: the database, the budget, the keys.

        Raises:
            ValueError: naming the variable and what is expected.
        """
        self.share(service)
        self.url().asyncpg_ssl()
        self.check_keys(service)
