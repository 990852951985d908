"""The one history: it goes up and down, and says what the models say."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, text

from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.database.migrations import alembic_config, downgrade, upgrade
from cathouse.local.stack import create_database
from cathouse.schema import HEAD_REVISION, SCHEMA, Base
from cathouse.schema.ownership import grant_statements, role_statements, trigger_statements
from tests.fixtures.server import PREFIX, drop_database, server_url

CATALOGS = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
               pg_get_expr(d.adbin, d.adrelid), co.collname
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d
          ON d.adrelid = a.attrelid AND d.adnum = a.attnum LEFT JOIN pg_collation co ON co.oid = a.attcollation
        WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind IN ('r', 'p') AND a.attnum > 0
          AND NOT a.attisdropped
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = CAST(:schema AS regnamespace)
    """,
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = :schema",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = CAST(:schema AS regnamespace) AND NOT tgisinternal
    """,
    "functions": """
        SELECT proname, regexp_replace(prosrc, '\\s+', ' ', 'g') FROM pg_proc
        WHERE pronamespace = CAST(:schema AS regnamespace)
    """,
    "table grants": """
        SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
        WHERE table_schema = :schema
    """,
    "column grants": """
        SELECT table_name, column_name, grantee, privilege_type FROM information_schema.role_column_grants
        WHERE table_schema = :schema
    """,
    "schema grants": "SELECT nspacl::text FROM pg_namespace WHERE nspname = :schema",
}

LONG_NAMES = 63


def structure(engine: Engine) -> dict[str, set[tuple[Any, ...]]]:
    """Everything about the schema that a migration could forget, from Postgres's own catalogs."""
    with engine.connect() as connection:
        return {
            name: {tuple(row) for row in connection.execute(text(query), {"schema": SCHEMA})}
            for name, query in CATALOGS.items()
        }


@pytest.fixture
def empty_database() -> Iterator[DatabaseUrl]:
    """A database without anything in it."""
    name = f"{PREFIX}empty_{uuid.uuid4().hex}"
    create_database(server_url(), name)
    yield server_url().replace(name=name)
    drop_database(server_url(), name)


def test_head_is_what_the_services_expect(clean_db: DatabaseUrl) -> None:
    assert ScriptDirectory.from_config(alembic_config(clean_db)).get_heads() == [HEAD_REVISION]


def test_down_to_nothing_and_up_again_gives_the_same(clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    before = structure(owner_engine)
    assert len(before["columns"]) > 200
    downgrade(clean_db, "base")
    left = structure(owner_engine)
    assert {row[0] for row in left["columns"]} == {"alembic_version"}
    assert not left["functions"]
    upgrade(clean_db)
    assert structure(owner_engine) == before


def test_each_revision_goes_down_and_up(clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    revisions = [each.revision for each in ScriptDirectory.from_config(alembic_config(clean_db)).walk_revisions()]
    for revision in revisions:
        downgrade(clean_db, "-1")
        lower = structure(owner_engine)
        upgrade(clean_db, revision)
        downgrade(clean_db, "-1")
        assert structure(owner_engine) == lower, revision


def test_models_and_migrations_do_not_differ(
    clean_db: DatabaseUrl, owner_engine: Engine, empty_database: DatabaseUrl
) -> None:
    command.check(alembic_config(clean_db))
    modelled = make_migration_engine(empty_database)
    with modelled.begin() as connection:
        connection.execute(text("CREATE EXTENSION vector"))
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        connection.execute(
            text(
                f"CREATE TABLE {SCHEMA}.alembic_version"
                " (version_num varchar(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY)"
            )
        )
        Base.metadata.create_all(connection)
        for statement in (*role_statements(), *grant_statements(), *trigger_statements()):
            connection.execute(text(statement))
    migrated, expected = structure(owner_engine), structure(modelled)
    for part, rows in expected.items():
        assert migrated[part] == rows, part


def test_a_removed_check_is_seen(clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    before = structure(owner_engine)
    with owner_engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {SCHEMA}.users DROP CONSTRAINT ck_users_role"))
    assert structure(owner_engine) != before


def test_every_constraint_and_index_has_a_name_by_the_convention(owner_engine: Engine) -> None:
    found = structure(owner_engine)
    for table, name, *_ in found["constraints"]:
        if table.endswith("alembic_version"):
            continue
        # Postgres 18 lists NOT NULL as constraints, which it names itself.
        assert name.startswith(("pk_", "fk_", "uq_", "ck_")) or name.endswith("_not_null"), name
        assert len(name) < LONG_NAMES
    assert all(name.startswith(("pk_", "uq_", "ix_", "alembic_version")) for name, _ in found["indexes"])


def test_a_database_that_is_not_utf8_is_refused_with_what_to_do() -> None:
    name = f"{PREFIX}ascii_{uuid.uuid4().hex}"
    server = make_migration_engine(server_url())
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"))
    try:
        with pytest.raises(CommandError, match="is encoded as SQL_ASCII; UTF8 is needed"):
            upgrade(server_url().replace(name=name))
    finally:
        drop_database(server_url(), name)


def test_running_it_again_changes_nothing(clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    before = structure(owner_engine)
    upgrade(clean_db)
    assert structure(owner_engine) == before
