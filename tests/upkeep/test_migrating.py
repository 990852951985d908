"""Migrations that meet trouble: others at work, broken revisions, a killed process, a held lock."""

import time
import uuid

import pytest
from sqlalchemy import Engine, text

from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.schema import HEAD_REVISION
from cathouse.upkeep.direct import connect
from cathouse.upkeep.revisions import revision_of
from tests.fixtures.history import History
from tests.fixtures.server import PREFIX, drop_database, server_url

MIGRATORS_LOCK = 7_214_902_385_117_001
"""alembic/env.py's."""

INDEX_CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_jar_number ON cathouse.jar (number)")
"""

DROP_CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.execute("DROP INDEX CONCURRENTLY cathouse.ix_jar_number")
"""


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def make_jar(history: History, *numbers: int) -> None:
    rows = ", ".join(f"({number})" for number in numbers)
    history.add(
        f'op.execute("CREATE TABLE cathouse.jar (number int)")\nop.execute("INSERT INTO cathouse.jar VALUES {rows}")',
        'op.execute("DROP TABLE cathouse.jar")',
    )


def test_a_failed_revision_leaves_the_last_finished_one_and_says_what_to_do(
    clean_db: DatabaseUrl, history: History
) -> None:
    good = history.add('op.execute("CREATE TABLE cathouse.first (id int)")')
    history.add('op.execute("CREATE TABLE cathouse.second (id int)")\nop.execute("CREATE GARBAGE")')
    status, said = history.upgrade(clean_db)
    assert status != 0
    assert 'syntax error at or near "GARBAGE"' in said
    assert f"The database stands at revision {good}. Mend the revision or the data" in said
    assert "Traceback" not in said
    assert revision_of(clean_db) == good
    with connect(clean_db) as connection:
        assert connection.scalar(text("SELECT to_regclass('cathouse.second')")) is None
    history.mend('op.execute("CREATE TABLE cathouse.second (id int)")')
    assert history.upgrade(clean_db)[0] == 0
    assert revision_of(clean_db) == history.head


def test_an_index_that_a_broken_migration_left_is_dropped_before_it_is_made_again(
    clean_db: DatabaseUrl, owner_engine: Engine, history: History
) -> None:
    make_jar(history, 1, 1)
    history.add(INDEX_CONCURRENTLY, DROP_CONCURRENTLY)
    status, said = history.upgrade(clean_db)
    assert status != 0
    assert "could not create unique index" in said
    valid = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('cathouse.ix_jar_number')")
    with connect(clean_db) as connection:
        assert connection.scalar(valid) is False
    run(owner_engine, "DELETE FROM cathouse.jar WHERE ctid = (SELECT min(ctid) FROM cathouse.jar)")
    status, said = history.upgrade(clean_db)
    assert status == 0, said
    assert "dropping the index cathouse.ix_jar_number, which an interrupted migration left invalid" in said
    with connect(clean_db) as connection:
        assert connection.scalar(valid) is True


def test_several_replicas_that_migrate_at_once_do_it_once(empty_database: DatabaseUrl, history: History) -> None:
    make_jar(history, 1, 2)
    history.add(INDEX_CONCURRENTLY, DROP_CONCURRENTLY)
    with connect(empty_database, autocommit=True) as holder:
        # As a fourth that is quicker than all: they have to meet it, and then one another.
        holder.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATORS_LOCK})
        replicas = [history.alembic(empty_database, "upgrade", "head") for _ in range(3)]
        refused = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND query LIKE '%pg_try_advisory_lock%'"
        )
        deadline = time.monotonic() + 30
        while holder.scalar(refused) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    said = [replica.communicate(timeout=100)[1] for replica in replicas]
    assert [replica.returncode for replica in replicas] == [0, 0, 0], said
    assert sum(f"Running upgrade {HEAD_REVISION} ->" in each for each in said) == 1
    assert [each.count("another migration is running; waiting for it") for each in said] == [1] * len(said)
    assert revision_of(empty_database) == history.head
    with connect(empty_database) as connection:
        assert connection.scalar(text("SELECT count(*) FROM cathouse.jar")) == 2


def test_a_table_that_somebody_holds_is_not_waited_for_longer_than_five_seconds(
    clean_db: DatabaseUrl, owner_engine: Engine, history: History
) -> None:
    history.add('op.execute("ALTER TABLE cathouse.users ADD COLUMN extra int")')
    with owner_engine.connect() as holder:
        holder.execute(text("LOCK TABLE cathouse.users IN ACCESS SHARE MODE"))
        started = time.monotonic()
        status, said = history.upgrade(clean_db)
        assert 4 < time.monotonic() - started < 15
    assert status != 0
    assert "canceling statement due to lock timeout" in said
    assert f"stands at revision {HEAD_REVISION}. Somebody holds the table (see pg_stat_activity" in said
    assert history.upgrade(clean_db)[0] == 0


def test_a_migration_that_is_killed_half_way_can_be_run_again(clean_db: DatabaseUrl, history: History) -> None:
    history.add('op.execute("CREATE TABLE cathouse.half (id int)")\nop.execute("SELECT pg_sleep(30)")')
    with history.alembic(clean_db, "upgrade", "head") as migrating:
        sleeping = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND query LIKE '%pg_sleep%'")
        with connect(clean_db, autocommit=True) as connection:
            deadline = time.monotonic() + 20
            while connection.scalar(sleeping, {"name": clean_db.name}) < 2:  # itself and the migration
                assert time.monotonic() < deadline
                time.sleep(0.05)
        migrating.kill()
        migrating.communicate()
    assert revision_of(clean_db) == HEAD_REVISION
    history.mend('op.execute("CREATE TABLE cathouse.half (id int)")')
    # The server notices the dead client when it has slept; somebody who will not wait ends it.
    with connect(clean_db, autocommit=True) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'cathouse-migrate' AND state = 'active'"
                " AND pid <> pg_backend_pid()"
            )
        )
    status, said = history.upgrade(clean_db)
    assert status == 0, said
    assert revision_of(clean_db) == history.head


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("postgresql://me:hush@ep-x-pooler.eu.aws.neon.tech/cats", "MIGRATION_DATABASE_URL goes through a pooler"),
        ("postgresql://me:hush@127.0.0.1:1/cats", "cannot connect to the database me@127.0.0.1:1/cats"),
        ("mysql://me:hush@127.0.0.1/cats", "MIGRATION_DATABASE_URL: expected a URL that begins with postgresql://"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_line(history: History, url: str, line: str) -> None:
    status, said = history.upgrade(url)
    assert status != 0
    assert line in said
    assert "hush" not in said
    assert "Traceback" not in said


def test_a_database_that_is_newer_than_the_code_is_not_touched(clean_db: DatabaseUrl, history: History) -> None:
    with make_migration_engine(clean_db).begin() as connection:
        connection.execute(text("UPDATE cathouse.alembic_version SET version_num = '9999'"))
    status, said = history.upgrade(clean_db)
    assert status != 0
    assert "Can't locate revision identified by '9999'" in said


def test_a_missing_extension_that_may_not_be_made_is_told_with_who_can(history: History) -> None:
    user = f"owner_{uuid.uuid4().hex[:12]}"
    url = server_url().replace(user=user, password="of-this-test", name=f"{PREFIX}{user}")
    with connect(server_url(), autocommit=True) as connection:
        connection.execute(text(f"CREATE ROLE {user} LOGIN PASSWORD 'of-this-test'"))
        connection.execute(text(f"CREATE DATABASE {url.name} OWNER {user} ENCODING 'UTF8' TEMPLATE template0"))
        try:
            status, said = history.upgrade(url)
            assert status != 0
            assert "the extension `vector` (pgvector) is missing and this role may not create it" in said
            assert "Traceback" not in said
        finally:
            drop_database(server_url(), url.name)
            connection.execute(text(f"DROP ROLE {user}"))
