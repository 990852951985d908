"""What a database holds and who may do what there, to be compared; and backups as processes."""

import os
import subprocess
import sys

import psutil
from sqlalchemy import Connection, text

from cathouse.database import DatabaseUrl
from cathouse.upkeep.direct import connect

_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'cathouse' ORDER BY tablename")
# Who may do what, and what guards the tables: by names, since the owner and all oids differ. A CHECK that is read back
# has its casts in other places: x IN ('a', 'b') has one for the list before, and one for each member after.
_RIGHTS = text(
    """
    SELECT c.relname AS thing, a.attname AS part, pg_get_userbyid(acl.grantee) AS role, acl.privilege_type AS said
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl
    WHERE c.relnamespace = 'cathouse'::regnamespace
    UNION ALL
    SELECT c.relname, '', pg_get_userbyid(acl.grantee), acl.privilege_type
    FROM pg_class c, aclexplode(c.relacl) acl
    WHERE c.relnamespace = 'cathouse'::regnamespace AND acl.grantee <> c.relowner
    UNION ALL
    SELECT n.nspname, '', pg_get_userbyid(acl.grantee), acl.privilege_type
    FROM pg_namespace n, aclexplode(n.nspacl) acl WHERE n.nspname = 'cathouse' AND acl.grantee <> n.nspowner
    UNION ALL
    SELECT tgname, tgrelid::regclass::text, tgenabled::text, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal
    UNION ALL
    SELECT conname, conrelid::regclass::text, convalidated::text,
           CASE contype WHEN 'c' THEN 'check' ELSE pg_get_constraintdef(oid) END FROM pg_constraint
    WHERE connamespace = 'cathouse'::regnamespace
    UNION ALL
    SELECT indexname, tablename, '', indexdef FROM pg_indexes WHERE schemaname = 'cathouse'
    ORDER BY 1, 2, 3, 4
    """
)


def contents(url: DatabaseUrl) -> dict[str, list[str]]:
    """Every row of every table, as Postgres writes it."""
    with connect(url) as connection:
        return {
            table: sorted(connection.scalars(text(f"SELECT t::text FROM cathouse.{table} t")).all())
            for table in connection.scalars(_TABLES).all()
        }


def rights(url: DatabaseUrl) -> list[tuple[str, ...]]:
    with connect(url) as connection:
        return [tuple(row) for row in connection.execute(_RIGHTS)]


def schemas(connection: Connection) -> set[str]:
    found = connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'cathouse%'"))
    return set(found.all())


def start(
    arguments: list[str],
    url: DatabaseUrl,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"MIGRATION_DATABASE_URL": url.for_libpq()}
    command = [sys.executable, "-m", "cathouse.cli", "db", *arguments]
    return subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)


def arguments_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []
