"""All about one table: columns, rules, indexes, triggers, and who may do what."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, text

from cathouse.schema import SCHEMA, Base
from cathouse.schema.base import Ownership
from cathouse.upkeep.inspection.tables import declared, find_table

_COLUMNS = text(
    """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
           CASE WHEN a.attidentity <> '' THEN 'identity'
                WHEN a.attgenerated <> '' THEN 'generated: ' || pg_get_expr(d.adbin, d.adrelid)
                ELSE pg_get_expr(d.adbin, d.adrelid) END
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
    """
)
# NOT NULL constraints (contype n, since Postgres 18) are told with the columns.
_CONSTRAINTS = text(
    """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = CAST(:table AS regclass) AND contype <> 'n'
    ORDER BY strpos('pufcx', contype::text), conname
    """
)
_INDEXES = text(
    """
    SELECT c.relname, substring(pg_get_indexdef(i.indexrelid) FROM ' USING (.*)$')
           || CASE WHEN i.indisunique THEN ', unique' ELSE '' END
           || CASE WHEN i.indisvalid THEN '' ELSE ', INVALID' END
           || ', ' || pg_size_pretty(pg_relation_size(c.oid))
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = CAST(:table AS regclass) ORDER BY c.relname
    """
)
_TRIGGERS = text(
    """
    SELECT tgname, substring(pg_get_triggerdef(oid) FROM ' TRIGGER [^ ]+ (.*)$')
           || CASE tgenabled WHEN 'O' THEN '' WHEN 'A' THEN ', always' WHEN 'R' THEN ', replica only'
                             ELSE ', DISABLED' END
    FROM pg_trigger WHERE tgrelid = CAST(:table AS regclass) AND NOT tgisinternal ORDER BY tgname
    """
)
_GRANTS = text(
    """
    WITH rights AS (
        SELECT acl.grantee, acl.privilege_type, NULL::name AS attname, 0 AS attnum
        FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) acl
        WHERE c.oid = CAST(:table AS regclass)
        UNION ALL
        SELECT acl.grantee, acl.privilege_type, a.attname, a.attnum
        FROM pg_attribute a, aclexplode(a.attacl) acl
        WHERE a.attrelid = CAST(:table AS regclass) AND NOT a.attisdropped
    ), listed AS (
        SELECT CASE WHEN grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(grantee) END AS role, privilege_type,
               string_agg(attname, ', ' ORDER BY attnum) AS columns
        FROM rights GROUP BY grantee, privilege_type, attname IS NULL
    )
    SELECT role, string_agg(privilege_type || coalesce(' (' || columns || ')', ''), ', ' ORDER BY privilege_type)
    FROM listed GROUP BY role ORDER BY role
    """
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``default`` is SQL."""

    name: str
    type: str
    nullable: bool
    default: str | None


@dataclass(frozen=True, slots=True)
class Detail:
    """A named thing and its definition: a constraint, an index, a trigger, or a role and its rights."""

    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class TableDescription:
    """What the database says of a table, and what its model does (none of it for a table without a model)."""

    name: str
    purpose: str | None
    owners: str | None
    ownership: Ownership | None
    columns: Sequence[Column]
    constraints: Sequence[Detail]
    indexes: Sequence[Detail]
    triggers: Sequence[Detail]
    grants: Sequence[Detail]


def describe_table(connection: Connection, name: str) -> TableDescription:
    """Everything about the table ``name``, with or without its schema.

    Raises:
        ConfigurationError: when there is no such table.
    """
    table = find_table(connection, name)
    purpose, owners = _docstrings(table)
    return TableDescription(
        name=table,
        purpose=purpose,
        owners=owners,
        ownership=declared(table),
        columns=[Column(*row) for row in connection.execute(_COLUMNS, _parameters(table))],
        constraints=_details(connection, _CONSTRAINTS, table),
        indexes=_details(connection, _INDEXES, table),
        triggers=_details(connection, _TRIGGERS, table),
        grants=_details(connection, _GRANTS, table),
    )


def _parameters(table: str) -> dict[str, str]:
    return {"table": f'{SCHEMA}."{table}"'}


def _details(connection: Connection, query: TextClause, table: str) -> list[Detail]:
    return [Detail(*row) for row in connection.execute(query, _parameters(table))]


def _docstrings(table: str) -> tuple[str | None, str | None]:
    """What the model's class and its module say: what the table is for, and whose it is."""
    for mapper in Base.registry.mappers:
        if mapper.local_table is Base.metadata.tables.get(f"{SCHEMA}.{table}"):
            module = sys.modules[mapper.class_.__module__].__doc__
            return _joined(mapper.class_.__doc__), _joined(module)
    return None, None


def _joined(docstring: str | None) -> str | None:
    return " ".join(docstring.split()) if docstring else None
