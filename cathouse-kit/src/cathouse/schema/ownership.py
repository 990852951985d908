"""Who may do what, written out as SQL: roles, grants and the triggers that guard the tables.

The migrations carry their own frozen copy of these statements; a test compares the two from the catalogs.
"""

from collections.abc import Iterator
from typing import Literal, cast, get_args

from sqlalchemy import Table

from cathouse.schema.base import ALL_COLUMNS, SCHEMA, Base, Ownership
from cathouse.schema.cat_search import TIER_TRIGGERS

ServiceName = Literal["auth", "catalog", "installation", "proxy"]

SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
VERSION_TABLE = "alembic_version"


def role(service: str) -> str:
    """The group role (NOLOGIN) that holds a service's grants; login roles are members of it."""
    return f"cathouse_{service}"


def tables() -> list[Table]:
    """Every table, parents before children."""
    return list(Base.metadata.sorted_tables)


def ownership(table: Table) -> Ownership:
    """Whose table it is."""
    return cast("Ownership", table.info["ownership"])


def role_statements() -> Iterator[str]:
    """Make the group roles. They belong to the whole cluster, so another database may have made them already."""
    for service in SERVICES:
        yield (
            f"DO $$ BEGIN CREATE ROLE {role(service)} NOLOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )


def grant_statements() -> Iterator[str]:
    """Let each service use the schema, its own slice, and what it may read of the others'."""
    everyone = ", ".join(role(service) for service in SERVICES)
    yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {everyone}"
    yield f"GRANT SELECT ON {SCHEMA}.{VERSION_TABLE} TO {everyone}"
    for table in tables():
        rights = ownership(table)
        writes = "SELECT, INSERT" if rights.append_only else "SELECT, INSERT, UPDATE, DELETE"
        for service in (rights.owner, *rights.sharers):
            yield f"GRANT {writes} ON {SCHEMA}.{table.name} TO {role(service)}"
        for service in rights.inserters:
            yield f"GRANT INSERT ON {SCHEMA}.{table.name} TO {role(service)}"
        for service, columns in sorted(rights.readers.items()):
            listed = "" if columns == ALL_COLUMNS else f" ({', '.join(columns)})"
            yield f"GRANT SELECT{listed} ON {SCHEMA}.{table.name} TO {role(service)}"


def trigger_statements() -> Iterator[str]:
    """Move ``updated_at`` with every UPDATE, refuse to change what is append-only, and keep the tiers of search."""
    yield (
        f"CREATE FUNCTION {SCHEMA}.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$"
    )
    yield (
        f"CREATE FUNCTION {SCHEMA}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    for table in tables():
        if "updated_at" in table.columns:
            yield (
                f"CREATE TRIGGER touch_updated_at BEFORE UPDATE ON {SCHEMA}.{table.name} "
                f"FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.touch_updated_at()"
            )
        if ownership(table).append_only:
            yield (
                f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table.name} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
            )
            # ALWAYS: not even session_replication_role = replica gets past it.
            yield f"ALTER TABLE {SCHEMA}.{table.name} ENABLE ALWAYS TRIGGER refuse_change"
    yield from TIER_TRIGGERS
