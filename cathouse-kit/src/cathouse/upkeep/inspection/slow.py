"""The statements that take the most time, as the extension pg_stat_statements counts them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, column, select, table, text
from sqlalchemy.exc import DBAPIError

from cathouse.configuration import ConfigurationError
from cathouse.upkeep.direct import first_line


class Order(StrEnum):
    """By which time they are sorted: that of all calls together, or of one."""

    TOTAL = "total"
    MEAN = "mean"


_EXTENSION = text(
    "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
    " WHERE e.extname = 'pg_stat_statements'"
)
_COLUMNS = ("calls", "total_exec_time", "mean_exec_time", "rows", "userid", "query")
_THIS_DATABASE = text("(SELECT oid FROM pg_database WHERE datname = current_database())")
_ROLES = text("SELECT oid, rolname FROM pg_roles")
_AVAILABLE = text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'")


@dataclass(frozen=True, slots=True)
class SlowStatement:
    """One statement with placeholders for its values; times are in milliseconds."""

    calls: int
    total_ms: float
    mean_ms: float
    rows: int
    role: str
    statement: str


def slow_statements(connection: Connection, *, by: Order, limit: int) -> Sequence[SlowStatement]:
    """The first ``limit`` statements of this database by their total or mean time, since the counters began.

    Raises:
        ConfigurationError: when nothing counts them, with how to get it.
    """
    schema = connection.scalar(_EXTENSION)
    if schema is None:
        raise ConfigurationError(_how_to_get_it(available=connection.scalar(_AVAILABLE) is not None))
    counted = table("pg_stat_statements", *(column(name) for name in _COLUMNS), column("dbid"), schema=schema)
    query = (
        select(*(counted.c[name] for name in _COLUMNS))
        .where(counted.c.dbid == _THIS_DATABASE)
        .order_by(counted.c[f"{by}_exec_time"].desc())
        .limit(limit)
    )
    try:
        found = connection.execute(query).all()
    except DBAPIError as error:
        raise ConfigurationError(f"pg_stat_statements does not answer: {first_line(error)}") from None
    roles: dict[int, str] = dict(connection.execute(_ROLES).tuples().all())
    return [
        SlowStatement(
            calls, total, mean, rows, roles.get(role, "a role that is gone"), " ".join(str(statement).split())
        )
        for calls, total, mean, rows, role, statement in found
    ]


def _how_to_get_it(*, available: bool) -> str:
    if available:
        return (
            "pg_stat_statements is not in this database: CREATE EXTENSION pg_stat_statements SCHEMA public (on Neon and"
            " Supabase that is all; elsewhere shared_preload_libraries must name it, and the server be restarted)"
        )
    return (
        "this server does not have the extension pg_stat_statements, which counts statements: on Neon CREATE EXTENSION"
        " pg_stat_statements SCHEMA public, elsewhere install Postgres's contrib modules first"
    )
