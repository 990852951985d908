"""Running statements that a person wrote, in one transaction that changes nothing unless that is asked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from cathouse.configuration import ConfigurationError
from cathouse.schema import SCHEMA
from cathouse.upkeep.direct import first_line, reason
from cathouse.upkeep.inspection.splitting import first_words, split_statements

_TRANSACTION_CONTROL = {"BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK"}
_READ_ONLY_STATE = "25006"
_PLACEHOLDER = re.compile(r"\$\d")
_GENERIC_PLANS_SINCE = 160000


@dataclass(frozen=True, slots=True)
class Result:
    """What one statement gave: ``status`` is Postgres's own ("UPDATE 3"); ``columns`` is none when it gives no rows."""

    status: str
    columns: Sequence[str] | None
    rows: Sequence[Sequence[Any]]


def run_statements(connection: Connection, sources: Sequence[str], *, write: bool) -> list[Result]:
    """Run every statement of ``sources`` in one transaction: all of them are kept, or none.

    Without ``write`` the transaction is read-only. Names are looked for in our schema first.

    Raises:
        ConfigurationError: what Postgres says of the first statement that fails, and where.
    """
    statements = [statement for source in sources for statement in split_statements(source)]
    if not statements:
        raise ConfigurationError("there is no statement to run")
    for statement in statements:
        _refuse_transaction_control(statement)
    _begin(connection, write=write)
    results = [
        _run(connection, statement, number=number if len(statements) > 1 else None)
        for number, statement in enumerate(statements, 1)
    ]
    try:
        connection.commit() if write else connection.rollback()
    except DBAPIError as error:  # a constraint that is checked at COMMIT
        raise ConfigurationError(f"nothing was changed: {first_line(error)}") from None
    return results


def explain(connection: Connection, source: str, *, analyze: bool) -> str:
    """The plan as text. With ``analyze`` the statement runs, with times and buffers, and is rolled back.

    Placeholders ($1) are planned for any value, on Postgres 16 and later and without ``analyze``.

    Raises:
        ConfigurationError: when it is not exactly one statement, or Postgres refuses it.
    """
    statements = split_statements(source)
    if len(statements) != 1:
        raise ConfigurationError(f"EXPLAIN takes one statement; this is {len(statements) or 'none'}")
    options = ["ANALYZE", "BUFFERS"] if analyze else []
    version = int(connection.scalar(text("SHOW server_version_num")) or 0)
    if not analyze and _PLACEHOLDER.search(statements[0]) and version >= _GENERIC_PLANS_SINCE:
        options.append("GENERIC_PLAN")
    connection.rollback()
    prefix = f"EXPLAIN ({', '.join(options)}) " if options else "EXPLAIN "
    _begin(connection, write=analyze)
    try:
        plan = _run(connection, statements[0], prefix=prefix)
    finally:
        connection.rollback()
    return "\n".join(str(row[0]) for row in plan.rows)


def _begin(connection: Connection, *, write: bool) -> None:
    if not write:
        connection.execute(text("SET default_transaction_read_only = on"))
        connection.commit()
    # The query before anything else takes the snapshot: from there on nobody can leave the read-only mode.
    connection.execute(text(f"SET LOCAL search_path = {SCHEMA}, public"))
    connection.execute(text("SELECT 1"))


def _refuse_transaction_control(statement: str) -> None:
    words = first_words(statement, 3)
    to_savepoint = words[:1] == ("ROLLBACK",) and "TO" in words
    if (not _TRANSACTION_CONTROL.isdisjoint(words[:1]) and not to_savepoint) or words[:2] == ("PREPARE", "TRANSACTION"):
        raise ConfigurationError(f"{words[0]} is not needed: all statements run in one transaction")


def _run(connection: Connection, statement: str, *, prefix: str = "", number: int | None = None) -> Result:
    # The driver's cursor and no parameters: a % or a : in the statement is what it is.
    cursor = connection.connection.cursor()
    try:
        cursor.execute(prefix + statement)
    except psycopg2.Error as error:
        raise ConfigurationError(_explained(error, statement, offset=len(prefix), number=number)) from None
    if cursor.description is None:
        return Result(str(cursor.statusmessage), None, [])
    return Result(str(cursor.statusmessage), [column[0] for column in cursor.description], cursor.fetchall())


def _explained(error: psycopg2.Error, statement: str, *, offset: int, number: int | None) -> str:
    message = reason(error)
    places = [f"statement {number}"] if number is not None else []
    if error.diag.statement_position is not None:
        before = statement[: max(int(error.diag.statement_position) - 1 - offset, 0)]
        line_start = before.rfind("\n") + 1
        places.append(f"line {before.count(chr(10)) + 1}, character {len(before) - line_start + 1}")
    place = f" ({', '.join(places)})" if places else ""
    if error.pgcode == _READ_ONLY_STATE:
        return f"{message}{place}: nothing may be changed unless --write is given"
    return f"{message}{place}" + (f"; {error.diag.message_hint}" if error.diag.message_hint else "")
