"""``cathouse db tables`` and ``cathouse db describe``."""

from typing import Annotated

import typer

from cathouse.cli.tables import print_table, size
from cathouse.configuration import load
from cathouse.database import MigrationSettings
from cathouse.schema.base import ALL_COLUMNS, Ownership
from cathouse.upkeep.direct import connect
from cathouse.upkeep.inspection.description import TableDescription, describe_table
from cathouse.upkeep.inspection.tables import is_bookkeeping, list_tables, undone


def tables() -> None:
    """List every table: which service owns it, about how many rows, how large with its indexes."""
    with connect(load(MigrationSettings).url()) as connection:
        found = list_tables(connection)
    rows = [
        (
            table.name,
            table.owner or ("migrations" if is_bookkeeping(table.name) else "nobody"),
            f"{table.rows:,}",
            size(table.size),
        )
        for table in found
    ]
    print_table(("table", "owner", "rows (about)", "size"), rows, right=("rows (about)", "size"))
    print(f"{len(found)} tables, {size(sum(table.size for table in found))}")
    if missing := undone(found):
        print(f"missing: {', '.join(missing)} (`cathouse db upgrade` makes them)")


def describe(table: Annotated[str, typer.Argument(help="Its name, with or without the schema.")]) -> None:
    """Say all about one table: columns, constraints, indexes, triggers, and who may do what with it."""
    with connect(load(MigrationSettings).url()) as connection:
        found = describe_table(connection, table)
    _print_heading(found)
    columns = [(each.name, each.type, "yes" if each.nullable else "no", each.default or "") for each in found.columns]
    print_table(("column", "type", "null", "default"), columns)
    for heading, details in (
        ("constraint", found.constraints),
        ("index", found.indexes),
        ("trigger", found.triggers),
        ("role", found.grants),
    ):
        if details:
            print()
            definition = "may" if heading == "role" else "definition"
            print_table((heading, definition), [(each.name, each.definition) for each in details])


def _print_heading(found: TableDescription) -> None:
    print(found.name)
    for line in (found.purpose, found.owners):
        if line:
            print(f"  {line}")
    if found.ownership is not None:
        for line in _rights(found.ownership):
            print(f"  {line}")
    print()


def _rights(ownership: Ownership) -> list[str]:
    lines = [f"owner: {', '.join((ownership.owner, *ownership.sharers))}"]
    readers = [
        service if columns == ALL_COLUMNS else f"{service} ({', '.join(columns)})"
        for service, columns in sorted(ownership.readers.items())
    ]
    if readers:
        lines.append(f"readers: {'; '.join(readers)}")
    if ownership.inserters:
        lines.append(f"inserters: {', '.join(ownership.inserters)}")
    if ownership.append_only:
        lines.append("append-only: no row is changed or removed")
    return lines
