"""What the schema looks like, from Postgres's own catalogs, and in what two of them differ.

Everything that a migration could forget is looked at: Alembic's own comparison misses CHECK constraints, triggers and
grants (measured: design/database.md).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from cathouse.schema import SCHEMA

Structure = Mapping[str, Mapping[str, str]]
"""By kind (columns, constraints, …) the definition of each thing by its name."""

_CATALOGS = {
    "columns": """
        SELECT c.relname || '.' || a.attname,
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                         'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), 'COLLATE ' || NULLIF(co.collname, 'default'),
                         NULLIF(a.attidentity, ''), NULLIF(a.attgenerated, ''))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d
          ON d.adrelid = a.attrelid AND d.adnum = a.attnum LEFT JOIN pg_collation co ON co.oid = a.attcollation
        WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind IN ('r', 'p') AND a.attnum > 0
          AND NOT a.attisdropped
    """,
    "constraints": """
        SELECT r.relname || '.' || c.conname, pg_get_constraintdef(c.oid)
        FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
        WHERE c.connamespace = CAST(:schema AS regnamespace)
    """,
    "indexes": """
        SELECT t.relname || '.' || i.relname, concat_ws(' ', pg_get_indexdef(x.indexrelid),
               CASE WHEN NOT x.indisvalid THEN '(invalid)' END)
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
        WHERE i.relnamespace = CAST(:schema AS regnamespace)
    """,
    "triggers": """
        SELECT c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid) || ' (' || CAST(t.tgenabled AS text) || ')'
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = CAST(:schema AS regnamespace) AND NOT tgisinternal
    """,
    "functions": r"""
        SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')', regexp_replace(prosrc, '\s+', ' ', 'g')
        FROM pg_proc WHERE pronamespace = CAST(:schema AS regnamespace)
    """,
    "table grants": """
        SELECT table_name || ' to ' || grantee, string_agg(privilege_type, ', ' ORDER BY privilege_type)
        FROM information_schema.role_table_grants WHERE table_schema = :schema GROUP BY 1
    """,
    # Those given by column; a right to the whole table is not repeated for each of its columns.
    "column grants": """
        SELECT c.relname || '.' || a.attname || ' to ' || COALESCE(r.rolname, 'PUBLIC'),
               string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        CROSS JOIN LATERAL aclexplode(a.attacl) g LEFT JOIN pg_roles r ON r.oid = g.grantee
        WHERE c.relnamespace = CAST(:schema AS regnamespace) GROUP BY c.relname, a.attname, r.rolname
    """,
    # A dump leaves out rights that equal the default, so the default is written out.
    "schema grants": """
        SELECT n.nspname || ' to ' || COALESCE(r.rolname, 'PUBLIC'),
               string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)
        FROM pg_namespace n
        CROSS JOIN LATERAL aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) a
        LEFT JOIN pg_roles r ON r.oid = a.grantee
        WHERE n.nspname = :schema GROUP BY n.nspname, r.rolname
    """,
}


_REWRITTEN = {"constraints", "indexes"}
_CASTS = re.compile(r"::(character varying|text)(\[\])?")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is in only one of two structures, or has another definition in each."""

    kind: str
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.kind}: {self.name}: {self.after}"
        if self.after is None:
            return f"- {self.kind}: {self.name}: {self.before}"
        return f"~ {self.kind}: {self.name}: {self.before} → {self.after}"


def read_structure(connection: Connection) -> Structure:
    """The structure of the schema ``cathouse``; empty when there is none."""
    if connection.scalar(text("SELECT to_regnamespace(:schema) IS NULL"), {"schema": SCHEMA}):
        return {kind: {} for kind in _CATALOGS}
    return {
        kind: {name: str(definition) for name, definition in connection.execute(text(query), {"schema": SCHEMA})}
        for kind, query in _CATALOGS.items()
    }


def differences(before: Structure, after: Structure) -> list[Difference]:
    """What came, went and changed on the way from ``before`` to ``after``, by kind and name."""
    return [
        Difference(kind, name, before[kind].get(name), after[kind].get(name))
        for kind in _CATALOGS
        for name in sorted(before[kind].keys() | after[kind].keys())
        if _plain(kind, before[kind].get(name)) != _plain(kind, after[kind].get(name))
    ]


def fingerprint(structure: Structure) -> str:
    """A short text that is the same for the same structure."""
    digest = hashlib.sha256()
    for kind in _CATALOGS:
        for name, definition in sorted(structure[kind].items()):
            digest.update(f"{kind}\0{name}\0{_plain(kind, definition)}\0".encode())
    return digest.hexdigest()[:16]


def _plain(kind: str, definition: str | None) -> str | None:
    """Without what a dump and a restore write another way though it means the same: casts of texts, parentheses."""
    if definition is None or kind not in _REWRITTEN:
        return definition
    return _CASTS.sub("", definition).replace("(", "").replace(")", "")
