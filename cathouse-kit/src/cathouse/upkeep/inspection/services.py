"""Whether each service can reach its database as it would itself, and may do there what it needs and no more."""

import ssl
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, SecretStr
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database.errors import DatabaseUnavailableError
from cathouse.database.failures import sqlstate
from cathouse.database.migration_state import MigrationState, migration_state
from cathouse.database.settings import DatabaseSettings
from cathouse.database.units import Database
from cathouse.database.urls import DatabaseUrl, Pooler, SslMode
from cathouse.schema import HEAD_REVISION, SCHEMA
from cathouse.schema.ownership import role
from cathouse.upkeep.inspection.rights import Rights, compare_rights, is_member

ROUND_TRIPS = 5
_TOO_MANY_CONNECTIONS = "53300"
_SHOWN = 4

_VERIFIED: dict[SslMode, str] = {
    "verify-full": "certificate and name verified",
    "verify-ca": "certificate verified, name not",
}
_WHO = text(
    "SELECT current_setting('server_version'), current_user, current_database(),"
    " (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
)


class ServiceDatabaseSettings(DatabaseSettings):
    """Each service's own URL, as ``cathouse db roles`` prints them; without one DATABASE_URL is its."""

    auth_database_url: SecretStr | None = Field(None, description="auth-service's DATABASE_URL")
    catalog_database_url: SecretStr | None = Field(None, description="catalog-service's DATABASE_URL")
    installation_database_url: SecretStr | None = Field(None, description="installation-service's DATABASE_URL")
    proxy_database_url: SecretStr | None = Field(None, description="proxy-service's DATABASE_URL")

    def of(self, service: str) -> DatabaseSettings:
        """The settings that ``service`` would read."""
        own = self._own(service)
        return self if own is None else self.model_copy(update={"database_url": own})

    def url_of(self, service: str) -> DatabaseUrl:
        """Where ``service`` would connect to.

        Raises:
            ValueError: naming the variable that is missing or unusable.
        """
        try:
            return self.of(service).url()
        except ValueError as error:
            prefix = "" if self._own(service) is None else f"{service.upper()}_"
            raise ValueError(f"{prefix}{error}") from None

    def _own(self, service: str) -> SecretStr | None:
        own: SecretStr | None = getattr(self, f"{service}_database_url")
        return own


@dataclass(slots=True)
class ServiceCheck:
    """What was found for one service; ``failures`` each say what to do, ``notes`` are worth knowing.

    ``latency_ms`` is the median of a few round trips.
    """

    service: str
    url: DatabaseUrl | None = None
    pooler: Pooler = "none"
    server_version: str = ""
    user: str = ""
    database: str = ""
    tls: str = ""
    latency_ms: float | None = None
    vector_version: str | None = None
    migration: MigrationState | None = None
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def check_services(settings: ServiceDatabaseSettings, services: Sequence[str]) -> list[ServiceCheck]:
    """Check ``services`` one after the other, each on one connection; what fails is told, not raised."""
    checks = [ServiceCheck(service) for service in services]
    logins: dict[DatabaseUrl, list[str]] = {}
    for check in checks:
        try:
            check.url = settings.url_of(check.service)
        except ValueError as error:
            check.failures.append(str(error))
        else:
            logins.setdefault(check.url, []).append(check.service)
    for check in checks:
        if check.url is not None:
            await _check(check, settings.of(check.service), sharers=logins[check.url])
    return checks


async def _check(check: ServiceCheck, settings: DatabaseSettings, *, sharers: Sequence[str]) -> None:
    try:
        database = Database.from_settings(settings, check.service)
    except ValueError as error:
        check.failures.append(str(error))
        return
    check.pooler = settings.pooler(database.url)
    try:
        await database.open(attempts=1)
        await database.read(lambda session: _look(check, session, sharers=sharers))
    except DatabaseUnavailableError as error:
        check.failures.append(f"{error.detail}{_advice(error)}")
    except SQLAlchemyError as error:
        check.failures.append(f"a query failed: {str(getattr(error, 'orig', None) or error).splitlines()[0]}")
    finally:
        await database.close()


async def _look(check: ServiceCheck, session: AsyncSession, *, sharers: Sequence[str]) -> None:
    found = (await session.execute(_WHO)).one()
    check.server_version, check.user, check.database, check.vector_version = found
    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    check.tls = _tls(driver, check.url)
    check.latency_ms = await _latency(driver)
    if check.vector_version is None:
        check.failures.append("pgvector is missing: CREATE EXTENSION vector")
    rights = await compare_rights(session, check.service)
    member = await is_member(session, check.service)
    try:
        check.migration = await migration_state(session)  # last: refused, it would end a pooler's transaction
    except ProgrammingError:
        check.migration = None
    if check.migration == "out-of-date":
        # What is missing for that reason is no question of rights.
        check.failures.append(f"the structure is not at revision {HEAD_REVISION}: `cathouse db upgrade` brings it")
    elif rights.missing:
        check.failures.append(_lacking(check, rights, member=member))
    _judge(check, rights, sharers=sharers)


def _lacking(check: ServiceCheck, rights: Rights, *, member: bool) -> str:
    mend = (
        "somebody took it from the group role: grant it again as cathouse.schema.ownership says"
        if member
        else f"`cathouse db roles` makes a login that has it, or GRANT {role(check.service)} TO {check.user}"
    )
    return f"{check.user} lacks {_shortened(rights.missing)}: {mend}"


def _judge(check: ServiceCheck, rights: Rights, *, sharers: Sequence[str]) -> None:
    shared = len(sharers) > 1
    if shared:
        check.notes.append(
            f"{check.user} is one login for {', '.join(sharers)}, so the database does not keep each service to its own"
            " tables: `cathouse db roles` makes a login for each"
        )
    if rights.owns:
        check.notes.append(f"{check.user} owns the schema {SCHEMA}: whoever has its password may do everything")
    if rights.surplus and not shared and not rights.owns:
        check.failures.append(
            f"{check.user} may do more than {check.service}-service needs, {_shortened(rights.surplus)}: REVOKE it, or"
            " use the login that `cathouse db roles` makes"
        )


def _shortened(rights: Sequence[str]) -> str:
    more = f" and {len(rights) - _SHOWN} more" if len(rights) > _SHOWN else ""
    return ", ".join(rights[:_SHOWN]) + more


def _advice(error: DatabaseUnavailableError) -> str:
    """What to do, where the error itself does not say it: for servers that do not answer, or have no place left."""
    cause = getattr(error.__cause__, "orig", None) or error.__cause__
    if cause is not None and sqlstate(cause) == _TOO_MANY_CONNECTIONS:
        return "; `cathouse db connections` shows who has them"
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError):
        return "; check the host, the port and sslmode, and that the server runs"
    return ""


def _tls(driver: Any, url: DatabaseUrl | None) -> str:  # noqa: ANN401 - asyncpg's connection, behind SQLAlchemy
    # The server's own pg_stat_ssl would tell of the pooler's connection. asyncpg has no public way to its socket.
    tls = driver._transport.get_extra_info("ssl_object")  # noqa: SLF001
    if tls is None or url is None:
        return "no"
    return f"{tls.version()}, {_VERIFIED.get(url.ssl_mode, 'server not verified')}"


async def _latency(driver: Any) -> float:  # noqa: ANN401 - asyncpg's connection, behind SQLAlchemy
    times: list[float] = []
    for _ in range(ROUND_TRIPS):
        started = time.perf_counter()
        await driver.execute("SELECT 1")  # a simple query: one round trip, through a pooler as well
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)
