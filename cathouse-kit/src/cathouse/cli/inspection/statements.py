"""``cathouse db sql`` and ``cathouse db explain``."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cathouse.cli.tables import plain, print_table
from cathouse.configuration import load
from cathouse.database import MigrationSettings
from cathouse.upkeep.direct import connect
from cathouse.upkeep.inspection.statements import Result, explain, run_statements

_FROM_INPUT = "-"

_Timeout = Annotated[int, typer.Option("--timeout", min=1, help="Seconds that one statement may take.")]


def run_sql(
    statements: Annotated[list[str], typer.Argument(help="SQL; several at once, or - for standard input.")],
    *,
    write: Annotated[bool, typer.Option("--write", help="Allow changes, and keep them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the rows as objects.")] = False,
    timeout: _Timeout = 60,
) -> None:
    """Run SQL in one transaction: all of it or nothing, and read-only unless --write is given."""
    sources = [_source(each) for each in statements]
    with connect(load(MigrationSettings).url(), statement_timeout_s=timeout) as connection:
        results = run_statements(connection, sources, write=write)
    if as_json:
        shown = [_as_json(each) for each in results]
        print(json.dumps(shown[0] if len(shown) == 1 else shown, indent=2, default=_json_value, ensure_ascii=False))
        return
    for result in results:
        _print_result(result)


def explain_statement(
    statement: Annotated[str, typer.Argument(help="One SQL statement, or - for standard input.")],
    *,
    analyze: Annotated[bool, typer.Option("--analyze", help="Run it, with times and buffers; rolled back.")] = False,
    timeout: _Timeout = 60,
) -> None:
    """Print the plan of a statement. Nothing is changed: what --analyze runs is rolled back."""
    source = _source(statement)
    with connect(load(MigrationSettings).url(), statement_timeout_s=timeout) as connection:
        print(plain(explain(connection, source, analyze=analyze)))


def _source(given: str) -> str:
    return sys.stdin.read() if given == _FROM_INPUT else given


def _print_result(result: Result) -> None:
    if result.columns is None:
        print(result.status)
        return
    if result.columns:
        print_table(result.columns, result.rows)
    print(f"{len(result.rows)} {'row' if len(result.rows) == 1 else 'rows'}")


def _as_json(result: Result) -> object:
    if result.columns is None:
        return {"status": result.status}
    names = _distinct(result.columns)
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def _distinct(columns: Sequence[str]) -> list[str]:
    """The columns' names; where one comes again (SELECT a.id, b.id) it gets a number, so that no value is lost."""
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names


def _json_value(value: Any) -> str:  # noqa: ANN401 - whatever the driver makes of a Postgres type
    return value.isoformat() if hasattr(value, "isoformat") else plain(value)
