"""The whole of Cat House on one machine: database, migrations, roles, seed, four services, the demo cat."""

import fcntl
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, SecretStr

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseSettings, DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.local.postgres import EmbeddedPostgres, PostgresError
from cathouse.local.processes import (
    Child,
    ProcessError,
    end_leftovers,
    first_ended,
    plain_environment,
    start,
    stop,
    wait_until_ready,
)
from cathouse.local.seed import seed
from cathouse.local.state import LocalState
from cathouse.upkeep.creation import make_database
from cathouse.upkeep.migrations import upgrade
from cathouse.upkeep.roles import make_login_roles
from cathouse.web import PORTS, SERVICES, ServiceName

DATABASE_NAME = "cathouse"
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

# And for catalog-service alone.
_PASSED_ON_TO_CATALOG = {"embeddings_url", "embeddings_api_key", "embeddings_model", "embeddings_dimensions"}

Progress = Callable[[str], None]


class StackSettings(DatabaseSettings):
    """What ``make up`` reads: nothing has to be set."""

    migration_database_url: str | None = None
    auth_port: int = Field(PORTS["auth"], ge=1, le=65535)
    catalog_port: int = Field(PORTS["catalog"], ge=1, le=65535)
    installation_port: int = Field(PORTS["installation"], ge=1, le=65535)
    proxy_port: int = Field(PORTS["proxy"], ge=1, le=65535)
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
    embeddings_url: str | None = None
    embeddings_api_key: SecretStr | None = None
    embeddings_model: str | None = None
    embeddings_dimensions: str | None = None

    def port(self, service: ServiceName) -> int:
        """Where ``service`` is to listen."""
        return int(getattr(self, f"{service}_port"))

    def ports(self) -> dict[str, int]:
        """All of them, by the variable that changes each."""
        return {f"{name.upper()}_PORT": self.port(name) for name in SERVICES} | {"DEMO_CAT_PORT": self.demo_cat_port}

    @property
    def wants_own_database(self) -> bool:
        """Whether a database was named."""
        return self.database_url is not None or self.postgres_server is not None


class StackError(Exception):
    """The stack cannot run; the message is one line."""


@dataclass(frozen=True, slots=True)
class Databases:
    """Where migrations go, and where each service does."""

    migration: DatabaseUrl
    services: Mapping[str, DatabaseUrl]


@dataclass(frozen=True, slots=True)
class Stack:
    """A running Cat House."""

    children: tuple[Child, ...]
    databases: Databases
    urls: Mapping[str, str]
    server: EmbeddedPostgres | None
    mails: Path | None
    """The folder that mails are written to; None where a mail server is set."""

    def check(self) -> None:
        """Make sure that everything still runs.

        Raises:
            StackError: when a process has ended.
        """
        ended = first_ended(self.children)
        if ended is not None:
            raise StackError(f"{ended.name} ended: {ended.last_line()} (see {ended.log})")
        if self.server is not None and self.server.has_ended():
            raise StackError(f"the embedded Postgres ended (see {self.server.folder}/postgres.log)")


@contextmanager
def run_stack(checkout: Path, settings: StackSettings, progress: Progress) -> Iterator[Stack]:
    """Bring everything up, hand it over, and take everything down again, whatever happens in between.

    Raises:
        StackError: when something cannot be brought up; what was started is stopped again.
    """
    if settings.is_production:
        raise StackError("`make up` is for development: ENVIRONMENT=production is for real deployments (docs/)")
    state = LocalState(checkout)
    with alone(state):
        leftovers = end_leftovers(state.processes())
        state.keep_processes({})
        if leftovers:
            progress(f"ended {leftovers} processes that an earlier run left behind")
        _check_ports(settings.ports())
        server: EmbeddedPostgres | None = None
        children: list[Child] = []
        try:
            if settings.wants_own_database:
                databases = _named_databases(settings, progress)
            else:
                progress("starting the embedded Postgres")
                server = EmbeddedPostgres(state.postgres, password=state.secret("POSTGRES_PASSWORD"))
                server.start(state.number("POSTGRES_PORT"))
                state.keep_number("POSTGRES_PORT", server.port)
                databases = _embedded_databases(server, state, progress)
                state.keep_database_url(databases.migration)
            demo_cat_url = f"http://{HOST}:{settings.demo_cat_port}"
            _seed(settings, databases.migration, demo_cat_url, progress)
            platform_secret = settings.platform_secret or state.secret("PLATFORM_SECRET")
            jwt_secret = settings.jwt_secret or state.secret("JWT_SECRET")
            progress("starting the four services and the demo cat")
            for service in SERVICES:
                environment = service_environment(
                    service,
                    settings,
                    databases.services[service],
                    jwt_secret=jwt_secret,
                    platform_secret=platform_secret,
                    mails=state.mails,
                )
                children.append(_start_service(service, settings.port(service), environment, state.logs))
            children.append(_start_demo_cat(settings.demo_cat_port, platform_secret, state.logs))
            state.keep_processes({child.process.pid: child.created for child in children})
            wait_until_ready(children)
            urls = {name: f"http://{HOST}:{settings.port(name)}" for name in SERVICES} | {"demo-cat": demo_cat_url}
            mails = state.mails if settings.mail_url is None else None
            yield Stack(tuple(children), databases, urls, server, mails)
        except (PostgresError, ProcessError, ConfigurationError) as error:
            raise StackError(str(error)) from error
        finally:
            stop(children)
            state.keep_processes({})
            if server is not None and server.is_running():
                server.stop()


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
    if service == "catalog":
        environment |= _chosen(settings, _PASSED_ON_TO_CATALOG)
    return environment


def _chosen(settings: StackSettings, names: set[str]) -> dict[str, str]:
    chosen = settings.model_dump(include=names, exclude_none=True)
    return {
        name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in chosen.items()
    }


@contextmanager
def alone(state: LocalState) -> Iterator[None]:
    """Hold the checkout's lock.

    Raises:
        StackError: when another run has it.
    """
    state.folder.mkdir(parents=True, exist_ok=True)
    with (state.folder / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise StackError(f"Cat House runs here already (process {lock.read().strip() or 'unknown'})") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _check_ports(ports: Mapping[str, int]) -> None:
    for variable, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise StackError(f"port {port} is taken by another program; set {variable} to a free one") from None


def _embedded_databases(server: EmbeddedPostgres, state: LocalState, progress: Progress) -> Databases:
    url = server.url(DATABASE_NAME)
    make_database(server.url(), DATABASE_NAME)
    _migrate(url, progress)
    passwords: dict[str, str] = {service: state.secret(f"POSTGRES_PASSWORD_{service.upper()}") for service in SERVICES}
    return Databases(url, make_login_roles(url, passwords=passwords))


def _named_databases(settings: StackSettings, progress: Progress) -> Databases:
    try:
        url = settings.url()
        migration = DatabaseUrl.parse(settings.migration_database_url) if settings.migration_database_url else url
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    if migration.pooler != "none":
        raise ConfigurationError("MIGRATION_DATABASE_URL is not set: the database's direct (not pooled) URL is needed")
    progress(f"using the database {url!r}; all services share one login, so ownership of tables is not enforced by it")
    _migrate(migration, progress)
    return Databases(migration, dict.fromkeys(SERVICES, url))


def _migrate(url: DatabaseUrl, progress: Progress) -> None:
    progress("bringing the database's structure up to date")
    upgrade(url)


def _seed(settings: StackSettings, url: DatabaseUrl, demo_cat_url: str, progress: Progress) -> None:
    if not (url.is_local or settings.seed):
        progress(
            "not seeding: the seeded passwords are public and the database is not on this machine (SEED=1 does it)"
        )
        return
    new = seed(make_migration_engine(url), demo_cat_url=demo_cat_url, environment=settings.environment)
    if new.users or new.cats or new.tasks:
        progress(f"seeded {new.users} accounts, {new.cats} cats, {new.tasks} tasks")


def _start_service(service: ServiceName, port: int, environment: Mapping[str, str], logs: Path) -> Child:
    return start(
        f"{service}-service",
        ("-m", f"{service}_service"),
        environment,
        ready_url=f"http://{HOST}:{port}/health/ready",
        log=logs / f"{service}.log",
    )


def _start_demo_cat(port: int, platform_secret: str, logs: Path) -> Child:
    environment = plain_environment() | {"PLATFORM_SECRET": platform_secret, "DEMO_CAT_PORT": str(port)}
    return start(
        "the demo cat",
        ("-m", "cathouse.cli", "demo-cat"),
        environment,
        ready_url=f"http://{HOST}:{port}/",
        log=logs / "demo-cat.log",
    )
