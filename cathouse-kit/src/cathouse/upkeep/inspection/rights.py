"""What a login may do with our tables, beside what its service's ownership says that it should."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import SCHEMA
from cathouse.schema.base import ALL_COLUMNS
from cathouse.schema.ownership import VERSION_TABLE, ownership, role, tables

_WRITES = ("INSERT", "UPDATE", "DELETE")
_NEVER = ("TRUNCATE", "REFERENCES", "TRIGGER")

_SCHEMA = text(
    """
    SELECT has_schema_privilege(n.oid, 'USAGE'), has_schema_privilege(n.oid, 'CREATE'),
           pg_has_role(n.nspowner, 'USAGE')
    FROM pg_namespace n WHERE n.nspname = :schema
    """
)
_TABLES = text(
    """
    SELECT c.relname, p.privilege
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN unnest(CAST(:privileges AS text[])) AS p (privilege)
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')
      AND (has_table_privilege(c.oid, p.privilege)
           OR (p.privilege IN ('INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(c.oid, p.privilege)))
    """
)
_COLUMNS = text(
    """
    SELECT c.relname, a.attname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
      AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    """
)


@dataclass(frozen=True, slots=True)
class Rights:
    """The difference: ``missing`` and ``surplus`` are rights in words, sorted. ``owns`` is said of a login that owns
    the schema or is a superuser: the grants do not bind it.
    """

    owns: bool
    missing: Sequence[str]
    surplus: Sequence[str]


async def compare_rights(session: AsyncSession, service: str) -> Rights:
    """Compare what the session's login may do with what ``service`` needs."""
    found = (await session.execute(_SCHEMA, {"schema": SCHEMA})).one_or_none()
    if found is None:
        return Rights(owns=False, missing=[f"the schema {SCHEMA} itself"], surplus=[])
    usage, create, owns = found
    wanted = set(_wanted(service))
    granted = await _granted(session)
    if usage:
        granted.add(f"USAGE on the schema {SCHEMA}")
    if create:
        granted.add(f"CREATE in the schema {SCHEMA}")
    return Rights(owns=bool(owns), missing=sorted(wanted - granted), surplus=sorted(granted - wanted))


async def is_member(session: AsyncSession, service: str) -> bool:
    """Whether the session's login is in the group role that holds the service's grants."""
    member = text(
        "SELECT coalesce((SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = :group_role), false)"
    )
    return bool(await session.scalar(member, {"group_role": role(service)}))


def _wanted(service: str) -> Iterator[str]:
    yield f"USAGE on the schema {SCHEMA}"
    yield f"SELECT {VERSION_TABLE}.version_num"
    for table in tables():
        rights = ownership(table)
        full = service in (rights.owner, *rights.sharers)
        if full or service in rights.inserters:
            yield f"INSERT {table.name}"
        if full and not rights.append_only:
            yield f"UPDATE {table.name}"
            yield f"DELETE {table.name}"
        readable = ALL_COLUMNS if full else rights.readers.get(service, ())
        for column in table.columns.keys() if readable == ALL_COLUMNS else readable:
            yield f"SELECT {table.name}.{column}"


async def _granted(session: AsyncSession) -> set[str]:
    parameters = {"schema": SCHEMA, "privileges": [*_WRITES, *_NEVER]}
    tables_found = (await session.execute(_TABLES, parameters)).all()
    columns_found = (await session.execute(_COLUMNS, {"schema": SCHEMA})).all()
    return {f"{privilege} {table}" for table, privilege in tables_found} | {
        f"SELECT {table}.{column}" for table, column in columns_found
    }
