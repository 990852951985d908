"""The variables that say which database, through what, and with how many connections."""

from typing import Literal

from pydantic import Field, SecretStr
from sqlalchemy import URL

from cathouse.configuration import EnvironmentSettings
from cathouse.database.budget import DEFAULT_BUDGET, SHARES, Share, check_share
from cathouse.database.urls import DatabaseUrl, Pooler


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
    db_connection_budget: int = Field(DEFAULT_BUDGET, ge=4)
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

    def pooler(self, url: DatabaseUrl) -> Pooler:
        """What ``DATABASE_POOLER`` says, or what the host's name tells when it says ``auto``."""
        return url.pooler if self.database_pooler == "auto" else self.database_pooler

    def share(self, service: str) -> Share:
        """How many connections this process may open.

        Raises:
            ValueError: when all services together would break the budget. A pooler lifts it: it shares its own few.
        """
        usual = SHARES[service]
        share = Share(
            self.db_pool_size if self.db_pool_size is not None else usual.size,
            self.db_max_overflow if self.db_max_overflow is not None else usual.overflow,
        )
        if self.pooler(self.url()) == "none":
            check_share(service, share, replicas=self.replicas, budget=self.db_connection_budget)
        return share


class MigrationSettings(EnvironmentSettings):
    """What ``alembic`` and the commands that change the database's structure use: the direct endpoint."""

    migration_database_url: SecretStr | None = Field(
        None, description="the database's direct (not pooled) URL, as the role that owns the tables"
    )
    database_url: SecretStr | None = None

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
                " without -pooler, on Supabase db.PROJECT.supabase.co"
            )
        return url
