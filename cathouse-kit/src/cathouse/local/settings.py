"""What ``make up`` reads, and what of it each service is given."""

from pathlib import Path

from pydantic import Field, SecretStr

from cathouse.database import DatabaseSettings, DatabaseUrl
from cathouse.local.processes import plain_environment
from cathouse.web import SERVICES, PortSettings, ServiceName

HOST = "127.0.0.1"

# What somebody set for the services is theirs as well.
_PASSED_ON = {
    "log_level",
    "cors_origins",
    "token_issuer",
    "metrics_token",
    "database_pooler",
    "db_pool_timeout",
    "db_pool_recycle",
    "db_connection_budget",
    "db_shares",
    "db_command_timeout",
    "db_idle_after",
    "trusted_proxies",
    "most_requests_under_way",
    "redis_url",
    "otel_exporter_otlp_endpoint",
    "otel_exporter_otlp_headers",
    "otel_traces_sampler_arg",
}

# The same, for auth-service alone.
_PASSED_ON_TO_AUTH = {
    "limit_logins",
    "limit_mails",
    "mail_url",
    "mail_from",
    "public_url",
    "email_verification",
    "clerk_issuer",
    "clerk_jwks_url",
    "clerk_authorized_parties",
}

# For proxy-service alone.
_PASSED_ON_TO_PROXY = {"limit_interactions", "limit_external_calls", "dns_servers"}

# And for catalog-service alone.
_PASSED_ON_TO_CATALOG = {"embeddings_url", "embeddings_api_key", "embeddings_model", "embeddings_dimensions"}


class StackSettings(DatabaseSettings, PortSettings):
    """What ``make up`` reads: nothing has to be set."""

    migration_database_url: str | None = None
    demo_cat_port: int = Field(8010, ge=1, le=65535)
    seed: bool = Field(default=False, description="seed a database that is not on this machine")
    jwt_secret: str | None = None
    cors_origins: str | None = None
    token_issuer: str | None = None
    metrics_token: str | None = None
    platform_secret: str | None = None
    trusted_proxies: str | None = None
    most_requests_under_way: str | None = None
    redis_url: SecretStr | None = None
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_traces_sampler_arg: str | None = None
    limit_logins: str | None = None
    limit_mails: str | None = None
    mail_url: SecretStr | None = None
    mail_from: str | None = None
    public_url: str | None = None
    email_verification: str | None = None
    clerk_issuer: str | None = None
    clerk_jwks_url: str | None = None
    clerk_authorized_parties: str | None = None
    limit_interactions: str | None = None
    limit_external_calls: str | None = None
    dns_servers: str | None = None
    embeddings_url: str | None = None
    embeddings_api_key: SecretStr | None = None
    embeddings_model: str | None = None
    embeddings_dimensions: str | None = None

    def ports(self) -> dict[str, int]:
        """All of them, by the variable that changes each."""
        return {f"{name.upper()}_PORT": self.port(name) for name in SERVICES} | {"DEMO_CAT_PORT": self.demo_cat_port}

    @property
    def wants_own_database(self) -> bool:
        """Whether a database was named."""
        return self.database_url is not None or self.postgres_server is not None


def service_environment(
    service: ServiceName,
    settings: StackSettings,
    url: DatabaseUrl,
    *,
    jwt_secret: str,
    platform_secret: str,
    mails: Path,
) -> dict[str, str]:
    """The variables of one service, and no others: nothing of the caller's environment leaks in."""
    ports = settings.ports()
    environment = plain_environment() | {name: str(port) for name, port in ports.items()}
    environment |= {
        "ENVIRONMENT": "development",
        "DATABASE_URL": url.for_libpq(),
        "PLATFORM_SECRET": platform_secret,
        "ALLOW_PRIVATE_ENDPOINTS": "true",
    }
    environment |= {f"{name.upper()}_URL": f"http://{HOST}:{settings.port(name)}" for name in SERVICES}
    environment |= _chosen(settings, _PASSED_ON)
    if service == "auth":
        environment |= {"JWT_SECRET": jwt_secret, "MAIL_FOLDER": str(mails.resolve())}
        environment |= _chosen(settings, _PASSED_ON_TO_AUTH)
    if service == "proxy":
        environment |= _chosen(settings, _PASSED_ON_TO_PROXY)
    if service == "catalog":
        environment |= _chosen(settings, _PASSED_ON_TO_CATALOG)
    return environment


def _chosen(settings: StackSettings, names: set[str]) -> dict[str, str]:
    chosen = settings.model_dump(include=names, exclude_none=True)
    return {
        name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in chosen.items()
    }
