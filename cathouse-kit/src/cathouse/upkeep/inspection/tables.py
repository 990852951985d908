"""Which tables there are, whose they are, and how large."""

import difflib
from dataclasses import dataclass

from sqlalchemy import Connection, text

from cathouse.configuration import ConfigurationError
from cathouse.schema import SCHEMA, Base
from cathouse.schema.base import Ownership
from cathouse.schema.ownership import VERSION_TABLE, ownership

_TABLES = text(
    """
    SELECT c.relname,
           CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint ELSE s.n_live_tup END,
           pg_total_relation_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')
    ORDER BY c.relname
    """
)


@dataclass(frozen=True, slots=True)
class TableSummary:
    """One table. ``owner`` is a service, or none for what no service declares; ``size`` is in bytes, with indexes."""

    name: str
    owner: str | None
    rows: int
    size: int


def list_tables(connection: Connection) -> list[TableSummary]:
    """Every table of our schema; ``rows`` is Postgres's estimate.

    Raises:
        ConfigurationError: when the schema has none.
    """
    found = [
        TableSummary(name, rights.owner if (rights := declared(name)) else None, int(rows or 0), int(size))
        for name, rows, size in connection.execute(_TABLES, {"schema": SCHEMA})
    ]
    if not found:
        raise ConfigurationError(f"the database has no table in the schema {SCHEMA}: `cathouse db upgrade` makes them")
    return found


def undone(tables: list[TableSummary]) -> list[str]:
    """The tables that this code declares and the database does not have."""
    return sorted({table.name for table in Base.metadata.sorted_tables} - {table.name for table in tables})


def declared(name: str) -> Ownership | None:
    """Who may do what with the table, as its model says; none for Alembic's own and for strangers."""
    table = Base.metadata.tables.get(f"{SCHEMA}.{name}")
    return None if table is None else ownership(table)


def find_table(connection: Connection, name: str) -> str:
    """The table's name without the schema.

    Raises:
        ConfigurationError: when there is none, with names that come close.
    """
    plain = name.removeprefix(f"{SCHEMA}.")
    names = [table.name for table in list_tables(connection)]
    if plain in names:
        return plain
    close = difflib.get_close_matches(plain, names, n=3, cutoff=0.5)
    known = f"did you mean {' or '.join(close)}?" if close else "`cathouse db tables` lists them"
    raise ConfigurationError(f"there is no table {plain} in the schema {SCHEMA}; {known}")


def is_bookkeeping(name: str) -> bool:
    """Whether it is Alembic's mark, which every service reads and only migrations write."""
    return name == VERSION_TABLE
