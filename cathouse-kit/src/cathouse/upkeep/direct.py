"""One direct connection for a command, whose failures are told in a line."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import set_wait_callback
from psycopg2.extras import wait_select
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from cathouse.configuration import ConfigurationError
from cathouse.database.engine import make_migration_engine
from cathouse.database.urls import DatabaseUrl


@contextmanager
def connect(url: DatabaseUrl, *, statement_timeout_s: int = 60, autocommit: bool = False) -> Iterator[Connection]:
    """A connection that is closed at the end; what was not committed is rolled back.

    A statement that runs for ``statement_timeout_s`` seconds is ended by the server; 0 is no limit, for what takes
    longer the more rows there are.

    Raises:
        ConfigurationError: when the server cannot be reached or refuses the login, with its own words.
    """
    engine = make_migration_engine(url, statement_timeout_s=statement_timeout_s)
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise ConfigurationError(f"cannot connect to the database {url!r}: {_refusal(error)}") from None
    with connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT") if autocommit else connection


def let_signals_through() -> None:
    """Make Ctrl-C end a statement that is under way, for this process; psycopg2 would hear it when it is over."""
    set_wait_callback(wait_select)


def first_line(error: DBAPIError) -> str:
    """What the server or the driver said, without the hints that follow."""
    lines = str(error.orig).strip().splitlines()
    return lines[0].strip() if lines else "no answer"


def reason(error: psycopg2.Error) -> str:
    """The same of the driver's own error."""
    return error.diag.message_primary or str(error).strip().split("\n", 1)[0]


def _refusal(error: DBAPIError) -> str:
    """The server's own words where it spoke: a name with two addresses gives a line for each."""
    lines = str(error.orig).strip().splitlines()
    return next((line.strip() for line in lines if "FATAL" in line), first_line(error))
