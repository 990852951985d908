"""docs/database-schema.md: the drawing and the tables are made from the models, the reasons are written by hand."""

import inspect
from collections.abc import Iterator, Sequence

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from cathouse.schema import SCHEMA, Base
from cathouse.schema.base import ALL_COLUMNS
from cathouse.schema.ownership import SERVICES, ownership, tables

BEGIN = "<!-- made from the models by `make openapi`: do not edit below -->"

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


def schema_document(written: str) -> str:
    """The whole page: what stands above the mark in ``written``, and everything below made anew."""
    head = written.split(BEGIN, 1)[0]
    return head + BEGIN + "\n\n" + "\n".join(_generated())


def _generated() -> Iterator[str]:
    for service in SERVICES:
        owned = [table for table in tables() if ownership(table).owner == service]
        if not owned:
            continue
        yield f"## {service}-service\n"
        yield "```mermaid\nerDiagram"
        yield from _drawing(owned)
        yield "```\n"
        for table in owned:
            yield from _described(table)


def _drawing(owned: Sequence[Table]) -> Iterator[str]:
    for table in owned:
        yield f"    {table.name} {{"
        for column in table.columns:
            marks = ", ".join(
                mark for mark, holds in (("PK", column.primary_key), ("FK", bool(column.foreign_keys))) if holds
            )
            yield f"        {_type(column).replace(' ', '_')} {column.name} {marks}".rstrip()
        yield "    }"
    for table in owned:
        for key in _foreign_keys(table):
            many = "o|" if _is_unique(table, key) else "o{"
            one = "|o" if any(column.nullable for column in key.columns) else "||"
            name = ", ".join(column.name for column in key.columns)
            yield f'    {key.referred_table.name} {one}--{many} {table.name} : "{name}"'


def _described(table: Table) -> Iterator[str]:
    yield f"### {table.name}\n"
    yield f"{_docstring(table)}\n"
    yield "; ".join(_rights(table))
    rules = [*_constraints(table), *_indexes(table)]
    if rules:
        yield ""
        yield from (f"- {rule}" for rule in rules)
    yield ""


def _rights(table: Table) -> Iterator[str]:
    rights = ownership(table)
    yield f"{rights.owner} writes{' (append-only)' if rights.append_only else ''}"
    for reader, columns in sorted(rights.readers.items()):
        yield f"{reader} reads {'all' if columns == ALL_COLUMNS else ', '.join(columns)}"
    yield from (f"{each} inserts" for each in rights.inserters)
    yield from (f"{each} shares" for each in rights.sharers)


def _constraints(table: Table) -> Iterator[str]:
    for key in _foreign_keys(table):
        columns = ", ".join(column.name for column in key.columns)
        yield f"`{columns}` → {key.referred_table.name}, ON DELETE {key.ondelete or 'NO ACTION'}"
    constraints = sorted(table.constraints, key=lambda each: str(each.name))
    for constraint in constraints:
        if isinstance(constraint, UniqueConstraint):
            yield f"unique `{', '.join(column.name for column in constraint.columns)}`"
        if isinstance(constraint, CheckConstraint):
            yield f"check `{constraint.sqltext}`"


def _indexes(table: Table) -> Iterator[str]:
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        yield f"{'unique ' if index.unique else ''}index `{_index_text(index)}`"


def _index_text(index: Index) -> str:
    statement = str(CreateIndex(index).compile(dialect=_DIALECT))
    return " ".join(statement.split(" ON ", 1)[1].split()).replace(f"{SCHEMA}.", "")


def _foreign_keys(table: Table) -> list[ForeignKeyConstraint]:
    return sorted(table.foreign_key_constraints, key=lambda key: [column.name for column in key.columns])


def _is_unique(table: Table, key: ForeignKeyConstraint) -> bool:
    columns = {column.name for column in key.columns}
    uniques = [
        {column.name for column in each.columns}
        for each in table.constraints
        if isinstance(each, UniqueConstraint) or each is table.primary_key
    ]
    return any(unique <= columns for unique in uniques if unique)


def _type(column: Column[object]) -> str:
    return column.type.compile(dialect=_DIALECT).lower().replace("timestamp with time zone", "timestamptz")


def _docstring(table: Table) -> str:
    model = next(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table is table)
    return inspect.cleandoc(model.__doc__ or "").replace("``", "`").replace("\n\n", "\n")
