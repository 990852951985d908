"""Making a database that is not there yet."""

import time

import psycopg2
from psycopg2 import sql
from pydantic import Field, SecretStr
from sqlalchemy import text

from cathouse.configuration import ConfigurationError
from cathouse.database.settings import MigrationSettings
from cathouse.database.urls import DatabaseUrl
from cathouse.upkeep.direct import connect, reason

MAINTENANCE_DATABASE = "postgres"
TEST_PREFIX = "test_"

_PAUSE_S = 0.5
_PASSING = ("starting up", "shutting down", "in recovery", "too many clients", "too many connections")
_LASTING = ("certificate", "does not support SSL")
NOT_ALLOWED = "42501"
_THERE_ALREADY = {"42P04", "23505"}


class CreationSettings(MigrationSettings):
    """The database that the services use, and the one that tests use."""

    test_database_url: SecretStr | None = Field(None, description="the database whose server tests run on")

    def test_url(self) -> DatabaseUrl:
        """TEST_DATABASE_URL, or beside the database one whose name begins with ``test_``.

        Raises:
            ValueError: when TEST_DATABASE_URL is unusable.
        """
        if self.test_database_url is None:
            url = self.url()
            return url.replace(name=f"{TEST_PREFIX}{url.name}")
        try:
            return DatabaseUrl.parse(self.test_database_url.get_secret_value())
        except ValueError as error:
            raise ValueError(f"TEST_DATABASE_URL: {error}") from None


def wait_for_server(url: DatabaseUrl, *, seconds: float) -> DatabaseUrl:
    """Wait until the server takes connections, and return a URL of it that works: the maintenance database's, or
    ``url`` where that one may not be entered.

    Raises:
        ConfigurationError: when it does not within ``seconds``, or refuses the login.
    """
    deadline = time.monotonic() + seconds
    maintenance = url.replace(name=MAINTENANCE_DATABASE)
    while True:
        refusal = _refusal(maintenance)
        if refusal is None:
            return maintenance
        if not _passes(refusal):
            own = _refusal(url)
            if own is None:
                return url
            if not _passes(own):
                raise refusal
        if time.monotonic() + _PAUSE_S > deadline:
            raise refusal
        time.sleep(_PAUSE_S)


def _refusal(url: DatabaseUrl) -> ConfigurationError | None:
    try:
        with connect(url):
            return None
    except ConfigurationError as error:
        return error


def _passes(refusal: ConfigurationError) -> bool:
    """Whether waiting may help. FATAL is the server speaking: it is there, and only some of its reasons pass."""
    said = str(refusal)
    if any(words in said for words in _LASTING):
        return False
    return "FATAL" not in said or any(words in said for words in _PASSING)


def make_database(server: DatabaseUrl, name: str, *, template: str = "template0") -> bool:
    """Make the UTF8 database ``name`` unless it is there, and say whether it was made.

    It begins as a copy of ``template``, to which nobody may be connected.

    Raises:
        ConfigurationError: when the role may not, or what is there has another encoding.
    """
    with connect(server, autocommit=True) as connection:
        encoding = connection.scalar(
            text("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = :name"), {"name": name}
        )
        if encoding is not None:
            if encoding != "UTF8":
                raise ConfigurationError(f"the database {name} is there, but encoded as {encoding}: UTF8 is needed")
            return False
        usual = connection.scalar(
            text("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'template0'")
        )
        # The server's own locale stays, unless it belongs to another encoding.
        locale = "" if usual == "UTF8" else " LOCALE 'C.UTF-8'"
        statement = sql.SQL(f"CREATE DATABASE {{}} ENCODING 'UTF8'{locale} TEMPLATE {{}}")
        try:
            connection.connection.cursor().execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        except psycopg2.Error as error:
            if error.pgcode in _THERE_ALREADY:
                return False  # somebody else was quicker
            raise ConfigurationError(_why_not(error, server, name)) from None
    return True


def _why_not(error: psycopg2.Error, server: DatabaseUrl, name: str) -> str:
    if error.pgcode == NOT_ALLOWED:
        return (
            f"the role {server.user} may not create the database {name}: let an administrator run ALTER ROLE"
            f" {server.user} CREATEDB, or CREATE DATABASE {name} OWNER {server.user} ENCODING 'UTF8' TEMPLATE template0"
        )
    return f"the database {name} cannot be created: {reason(error)}"
