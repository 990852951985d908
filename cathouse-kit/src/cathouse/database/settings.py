"""The variables that say which database, through what, and with how many connections."""

from typing import Literal

import structlog
from pydantic import Field, SecretStr, field_validator
from sqlalchemy import URL

from cathouse.configuration import ConfigurationError, EnvironmentSettings
from cathouse.database.budget import DEFAULT_BUDGET, Share, check_budget, parse_shares
from cathouse.database.idleness import IDLE_AFTER_S
from cathouse.database.urls import DatabaseUrl, Pooler

_logger = structlog.get_logger(__name__)


class DatabaseSettings(EnvironmentSettings):
    """Where the database is, and this service's part of its connections."""

    database_url: SecretStr | None = Field(
        None, description="the URL of the database at run time, postgresql://USER:PASSWORD@HOST/DATABASE"
    )
    postgres_user: str | None = None
    postgres_password: SecretStr | None = None
    postgres_server: str | None = None
    postgres_port: int = Field(5432, ge=1, le=65535)
    postgres_db: str | None = None

    database_pooler: Literal["auto", "transaction", "none"] = "auto"
    db_pool_size: int | None = Field(None, ge=1, le=100)
    db_max_overflow: int | None = Field(None, ge=0, le=100)
    db_pool_timeout: float = Field(30.0, gt=0, le=300, description="seconds that a request waits for a connection")
    db_pool_recycle: int = Field(240, ge=1, description="seconds; under Neon's suspend time-out of 300")
    db_command_timeout: float = Field(60.0, gt=0, description="seconds that one statement may take")
    db_idle_after: float = Field(
        IDLE_AFTER_S, gt=0, description="seconds without a request after which nothing is asked by timer"
    )
    db_connection_budget: int = Field(DEFAULT_BUDGET, ge=4)
    db_shares: str = Field(
        "", description="every service's share, given alike to all, for example: auth=2 catalog=2+1 (kept + overflow)"
    )
    replicas: int = Field(1, ge=1)

    def url(self) -> DatabaseUrl:
        """The database that this process uses.

        Raises:
            ValueError: when nothing, or something unusable, was given.
        """
        if self.database_url is not None:
            try:
                return DatabaseUrl.parse(self.database_url.get_secret_value())
            except ValueError as error:
                raise ValueError(f"DATABASE_URL: {error}") from None
        if self.postgres_server and self.postgres_user and self.postgres_db:
            assembled = URL.create(
                "postgresql",
                username=self.postgres_user,
                password=self.postgres_password.get_secret_value() if self.postgres_password else None,
                host=self.postgres_server,
                port=self.postgres_port,
                database=self.postgres_db,
            )
            return DatabaseUrl.parse(assembled.render_as_string(hide_password=False))
        raise ValueError(
            "DATABASE_URL is not set: expected postgresql://USER:PASSWORD@HOST/DATABASE"
            " (or POSTGRES_SERVER, POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB)"
        )

    def current_password(self) -> str | None:
        """The password for the next connection, read again where it comes from a file: it may have been rotated."""
        url = self.url()
        try:
            if (text := self.reread("database_url")) is not None:
                again = DatabaseUrl.parse(text)
                # Another login's password would be of no use: these settings were given their URL another way.
                return again.password if again.replace(password=url.password) == url else url.password
            if self.database_url is None and (text := self.reread("postgres_password")) is not None:
                return text
        except (ConfigurationError, ValueError) as error:
            _logger.warning("database.password_file_unreadable", cause=str(error))
        return url.password

    def pooler(self, url: DatabaseUrl) -> Pooler:
        """What ``DATABASE_POOLER`` says, or what the host's name tells when it says ``auto``."""
        return url.pooler if self.database_pooler == "auto" else self.database_pooler

    def share(self, service: str) -> Share:
        """How many connections this process may open: DB_POOL_SIZE and DB_MAX_OVERFLOW, or its part of DB_SHARES.

        Raises:
            ValueError: when all services together would break the budget. A pooler lifts it: it shares its own few.
        """
        shares = parse_shares(self.db_shares)
        usual = shares[service]
        shares[service] = share = Share(
            self.db_pool_size if self.db_pool_size is not None else usual.size,
            self.db_max_overflow if self.db_max_overflow is not None else usual.overflow,
        )
        if self.pooler(self.url()) == "none":
            check_budget(shares, replicas=self.replicas, budget=self.db_connection_budget)
        return share

    @field_validator("db_shares")
    @classmethod
    def _shares_can_be_read(cls, value: str) -> str:
        parse_shares(value)
        return value


class MigrationSettings(EnvironmentSettings):
    """What ``alembic`` and the commands that change the database's structure use: the direct endpoint."""

    migration_database_url: SecretStr | None = Field(
        None, description="the database's direct (not pooled) URL, as the role that owns the tables"
    )

    def url(self) -> DatabaseUrl:
        """The direct URL.

        Raises:
            ValueError: when it is missing, unusable, or goes through a pooler: session locks do not hold there.
        """
        if self.migration_database_url is None:
            raise ValueError(
                "MIGRATION_DATABASE_URL is not set: expected the direct postgresql:// URL of the role that owns the"
                " tables"
            )
        try:
            url = DatabaseUrl.parse(self.migration_database_url.get_secret_value())
        except ValueError as error:
            raise ValueError(f"MIGRATION_DATABASE_URL: {error}") from None
        if url.pooler != "none":
            raise ValueError(
                "MIGRATION_DATABASE_URL goes through a pooler. Migrations need the direct endpoint: on Neon the host"
                " without -pooler, on Supabase port 5432"
            )
        return url
