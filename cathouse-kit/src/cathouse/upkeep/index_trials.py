"""Which index would help a statement: made for real on a copy, planned and run with it, and rolled back."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from cathouse.configuration import ConfigurationError
from cathouse.schema import SCHEMA
from cathouse.upkeep.direct import first_line, reason

LEAST_GAIN = 0.1
"""The part of the plan's cost that an index must save to be worth its upkeep."""

_CONDITIONS = ("Filter", "Recheck Cond", "Index Cond", "Hash Cond", "Merge Cond", "Join Filter")
_MOST_TRIALS = 30
# A type without an order, an array of such, and values that are too long for an index.
_NO_SUCH_INDEX = {"42704", "42883", "54000"}
_COLUMNS = text(
    """
    SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind IN ('r', 'p') AND a.attnum > 0
      AND NOT a.attisdropped
    """
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the planner expects a statement to cost, and how long it took."""

    cost: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Trial:
    """An index and the statement with it."""

    table: str
    columns: tuple[str, ...]
    measured: Measured

    @property
    def statement(self) -> str:
        """How it is made on a table that is in use."""
        name = f"ix_{self.table}_{'_'.join(self.columns)}"[:63]
        return f"CREATE INDEX CONCURRENTLY {name} ON {SCHEMA}.{self.table} ({', '.join(self.columns)})"


def try_indexes(connection: Connection, statement: str) -> tuple[Measured, list[Trial]]:
    """The statement as it is, and the indexes that make its plan cheaper, best first.

    Run this on a copy: the statement is executed, indexes are built under a lock, and all is rolled back.

    Raises:
        ConfigurationError: when the statement cannot be explained, or an index that could be does not come about.
    """
    known: dict[str, set[str]] = {}
    for table, column in connection.execute(_COLUMNS, {"schema": SCHEMA}):
        known.setdefault(table, set()).add(column)
    connection.execute(text(f"SET LOCAL search_path = {SCHEMA}, public"))
    for table in known:
        connection.execute(text(f"ANALYZE {SCHEMA}.{table}"))
    plan, now = _explain(connection, statement)
    trials = []
    for table, columns in list(_candidates(plan, known))[:_MOST_TRIALS]:
        with connection.begin_nested() as trial:
            try:
                connection.execute(text(f"CREATE INDEX ON {SCHEMA}.{table} ({', '.join(columns)})"))
            except DBAPIError as error:
                trial.rollback()
                if getattr(error.orig, "pgcode", None) in _NO_SUCH_INDEX:
                    continue
                raise ConfigurationError(f"an index cannot be tried: {first_line(error)}") from None
            _, measured = _explain(connection, statement)
            trial.rollback()
        if measured.cost < now.cost * (1 - LEAST_GAIN):
            trials.append(Trial(table, columns, measured))
    return now, sorted(trials, key=lambda each: (each.measured.cost, len(each.columns)))


def _explain(connection: Connection, statement: str) -> tuple[Mapping[str, Any], Measured]:
    with connection.begin_nested() as trial:
        try:
            # The driver's own way: a statement may hold colons and percent signs.
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) {statement}")
            found = cursor.fetchall()[0][0]
        except psycopg2.Error as error:
            raise ConfigurationError(f"the statement cannot be explained: {reason(error)}") from None
        finally:
            trial.rollback()
    document = (json.loads(found) if isinstance(found, str) else found)[0]
    return document["Plan"], Measured(document["Plan"]["Total Cost"], document["Execution Time"])


def _candidates(plan: Mapping[str, Any], known: Mapping[str, set[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Tables with the columns that the plan compares or sorts by, alone and in pairs."""
    tables = {alias: table for alias, table in _tables(plan) if table in known}
    conditions = " ".join(
        " ".join(each) if isinstance(each := node.get(part, ""), list) else each
        for node in _nodes(plan)
        for part in (*_CONDITIONS, "Sort Key")
    )
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for alias, table in tables.items():
        used = [
            column
            for column in re.findall(rf'\b{re.escape(alias)}\.\(?"?([a-z_][a-z0-9_]*)', conditions)
            if column in known[table]
        ]
        singles = list(dict.fromkeys(used))
        pairs = [(first, second) for first in singles for second in singles if first != second]
        for columns in [*((column,) for column in singles), *pairs]:
            if (table, columns) not in seen:
                seen.add((table, columns))
                yield table, columns


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _tables(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for node in _nodes(plan):
        if "Relation Name" in node:
            yield node.get("Alias", node["Relation Name"]), node["Relation Name"]
