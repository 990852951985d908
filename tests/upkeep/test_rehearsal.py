"""What is to be promoted was rehearsed on a copy, and nothing else is promoted."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment
from cathouse.local.seed import seed
from cathouse.schema import HEAD_REVISION
from cathouse.upkeep.copies import COPY_PREFIX, TemplateCopies
from cathouse.upkeep.direct import connect
from cathouse.upkeep.index_trials import try_indexes
from cathouse.upkeep.migrations import downgrade
from cathouse.upkeep.revisions import revision_of
from cathouse.upkeep.structure import read_structure
from tests.fixtures.commands import Command
from tests.fixtures.history import BELOW_HEAD, History

BEFORE_SEARCH = "0004"
"""Three below it: one with a table, one with indexes, one with neither."""

ADD_COLUMN = 'op.execute("ALTER TABLE cathouse.users ADD COLUMN extra text")'
DROP_COLUMN = 'op.execute("ALTER TABLE cathouse.users DROP COLUMN extra")'
CHANGE_DATA = "op.execute(\"UPDATE cathouse.users SET display_name = 'Somebody' WHERE display_name = ''\")"


@pytest.fixture
def here(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    """The working directory is the copied auth-service: its revisions are those that count."""
    monkeypatch.chdir(history.folder)
    return history


def copies_left(engine: Engine) -> int:
    with engine.connect() as connection:
        copies = text("SELECT count(*) FROM pg_database WHERE datname LIKE :copies")
        return int(connection.scalar(copies, {"copies": f"{engine.url.database}_{COPY_PREFIX}%"}) or 0)


@contextmanager
def kept_structure(engine: Engine) -> Iterator[None]:
    with engine.connect() as connection:
        before = read_structure(connection)
    yield
    with engine.connect() as connection:
        assert read_structure(connection) == before


def test_pending_revisions_are_rehearsed_promoted_and_shown(
    command: Command, clean_db: DatabaseUrl, owner_engine: Engine, here: History
) -> None:
    seed(owner_engine, demo_cat_url="http://127.0.0.1:8010", environment="development")
    downgrade(clean_db, BEFORE_SEARCH)
    with kept_structure(owner_engine):
        rehearsed = command("db", "rehearse")
    assert rehearsed.status == 0, rehearsed.err
    assert "+ table grants: search_words to cathouse_catalog: DELETE, INSERT, SELECT, UPDATE" in rehearsed.out
    for step in (
        "copy",
        f"upgrade {BEFORE_SEARCH} → {HEAD_REVISION}",
        f"downgrade to {BEFORE_SEARCH}",
        "upgrade again",
        "compare with the models",
        "lint",
    ):
        assert f"· {step}: " in rehearsed.out
    assert f"{BEFORE_SEARCH} → {HEAD_REVISION} went well" in rehearsed.out
    assert copies_left(owner_engine) == 0
    assert revision_of(clean_db) == BEFORE_SEARCH
    promoted = command("db", "promote")
    assert promoted.status == 0, promoted.err
    assert f"is at {HEAD_REVISION}, with the structure that was rehearsed" in promoted.out
    again = command("db", "promote")
    assert (again.status, again.out) == (2, "")
    assert "there is nothing to promote" in again.err


def test_when_nothing_is_pending_the_last_revision_is_rehearsed_backwards(
    command: Command, owner_engine: Engine, here: History
) -> None:
    with kept_structure(owner_engine):
        rehearsed = command("db", "rehearse")
    assert rehearsed.status == 0, rehearsed.err
    assert "· nothing is pending: the last revision down: " in rehearsed.out
    assert f"{BELOW_HEAD} → {HEAD_REVISION} went well" in rehearsed.out


def test_from_an_empty_database_everything_is_rehearsed(
    command: Command, empty_database: DatabaseUrl, here: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", empty_database.for_libpq())
    rehearsed = command("db", "rehearse")
    assert rehearsed.status == 0, rehearsed.err
    assert "+ columns: users.email: character varying" in rehearsed.out
    promoted = command("db", "promote")
    assert promoted.status == 0, promoted.err
    assert revision_of(empty_database) == HEAD_REVISION


def test_a_database_in_use_is_copied_by_dump_and_shows_no_drift_that_is_none(
    command: Command, clean_db: DatabaseUrl, owner_engine: Engine, here: History
) -> None:
    seed(owner_engine, demo_cat_url="http://127.0.0.1:8010", environment="development")
    downgrade(clean_db, "-1")
    revision = here.add(CHANGE_DATA)
    with owner_engine.connect() as somebody:
        somebody.execute(text("SELECT 1"))
        rehearsed = command("db", "rehearse")
        assert rehearsed.status == 0, rehearsed.err
        assert "copying it by dump and restore" in rehearsed.out
        promoted = command("db", "promote")
    assert promoted.status == 0, promoted.err
    assert revision_of(clean_db) == revision


def test_a_revision_that_the_models_do_not_know_is_drift(
    command: Command, clean_db: DatabaseUrl, owner_engine: Engine, here: History
) -> None:
    revision = here.add(ADD_COLUMN, DROP_COLUMN)
    rehearsed = command("db", "rehearse")
    assert rehearsed.status == 1
    assert "+ columns: users.extra: text" in rehearsed.out
    assert "drift: the models say something else: + columns: users.extra: text" in rehearsed.err
    assert f"{HEAD_REVISION} → {revision} must not be promoted" in rehearsed.err
    refused = command("db", "promote")
    assert refused.status == 2
    assert "nothing was rehearsed yet" in refused.err
    assert revision_of(clean_db) == HEAD_REVISION
    assert copies_left(owner_engine) == 0


@pytest.mark.parametrize(
    ("up", "down", "fault"),
    [
        (ADD_COLUMN, "pass", "the downgrade does not lead back: + columns: users.extra: text"),
        (
            'op.execute("CREATE INDEX ix_cats_name ON cathouse.cats (name)")',
            "pass",
            "require-concurrent-index-creation",
        ),
    ],
)
def test_a_revision_with_a_fault_is_not_promoted(
    command: Command, here: History, up: str, down: str, fault: str
) -> None:
    # What is made twice would fail of itself.
    here.add(up.replace("ADD COLUMN", "ADD COLUMN IF NOT EXISTS").replace("INDEX ix", "INDEX IF NOT EXISTS ix"), down)
    rehearsed = command("db", "rehearse")
    assert rehearsed.status == 1
    assert fault in rehearsed.err
    assert command("db", "promote").status == 2


def test_a_revision_that_fails_is_told_and_its_copy_is_gone(
    command: Command, owner_engine: Engine, here: History
) -> None:
    here.add('op.execute("CREATE GARBAGE")')
    with kept_structure(owner_engine):
        rehearsed = command("db", "rehearse")
    assert rehearsed.status == 2
    assert 'on the copy the upgrade fails: the migration failed: syntax error at or near "GARBAGE"' in rehearsed.err
    assert "(your database is as it was)" in rehearsed.err
    assert copies_left(owner_engine) == 0


def test_only_what_was_rehearsed_is_promoted(command: Command, owner_engine: Engine, here: History) -> None:
    here.add(CHANGE_DATA)
    assert command("db", "rehearse").status == 0
    here.mend(CHANGE_DATA + "\npass")
    changed = command("db", "promote")
    assert changed.status == 2
    assert "have changed since they were rehearsed; rehearse again" in changed.err
    here.mend(CHANGE_DATA)
    with owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE cathouse.users ADD COLUMN by_hand int"))
    elsewhere = command("db", "promote")
    assert elsewhere.status == 2
    assert "has another structure than the one that was rehearsed" in elsewhere.err
    with owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE cathouse.users DROP COLUMN by_hand"))
        connection.execute(text("UPDATE cathouse.alembic_version SET version_num = '0001'"))
    another = command("db", "promote")
    assert another.status == 2
    assert "was rehearsed, the database is at 0001" in another.err


def test_a_record_that_cannot_be_kept_is_told_before_the_work(command: Command, here: History) -> None:
    refused = command("db", "rehearse", "--record", "/proc/rehearsal.json")
    assert (refused.status, refused.out) == (2, "")
    assert "/proc/rehearsal.json cannot be written" in refused.err


def test_a_record_that_is_none_is_told(command: Command, here: History, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"start": 1}))
    refused = command("db", "promote", "--record", str(record))
    assert refused.status == 2
    assert "is no record of a rehearsal" in refused.err


def test_ctrl_c_leaves_no_copy(clean_db: DatabaseUrl, owner_engine: Engine, here: History) -> None:
    here.add('op.execute("SELECT pg_sleep(20)")')
    with subprocess.Popen(
        [sys.executable, "-m", "cathouse.cli", "db", "rehearse"],
        cwd=here.folder,
        env=plain_environment() | {"MIGRATION_DATABASE_URL": clean_db.for_libpq()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as rehearsing:
        sleeping = text("SELECT count(*) FROM pg_stat_activity WHERE datname LIKE :copies AND query LIKE '%pg_sleep%'")
        with owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            deadline = time.monotonic() + 20
            while not connection.scalar(sleeping, {"copies": f"{clean_db.name}_{COPY_PREFIX}%"}):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        rehearsing.send_signal(signal.SIGINT)
        rehearsing.communicate(timeout=30)
        assert rehearsing.returncode != 0
    assert copies_left(owner_engine) == 0


def test_two_databases_are_compared(command: Command, clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    same = command("db", "diff", "models", clean_db.name)
    assert (same.status, same.out) == (0, "no difference\n")
    with TemplateCopies(clean_db).copy("another") as another:
        with connect(another) as connection:
            connection.execute(text("ALTER TABLE cathouse.tasks DROP COLUMN due_date"))
            connection.commit()
        different = command("db", "diff", clean_db.name, another.name)
    assert different.status == 1
    assert "- columns: tasks.due_date: timestamp with time zone" in different.out
    unknown = command("db", "diff", clean_db.name, "nowhere")
    assert unknown.status == 2
    assert 'database "nowhere" does not exist' in unknown.err


def test_an_index_that_helps_is_found_on_a_copy(command: Command, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("DROP INDEX cathouse.ix_audit_events_action_at"))
        connection.execute(
            text(
                "INSERT INTO cathouse.audit_events (action, subject, detail)"
                " SELECT 'action-' || number % 500, '{}', '{}' FROM generate_series(1, 20000) AS number"
            )
        )
    statement = "SELECT id FROM cathouse.audit_events WHERE action = 'action-7'"
    with kept_structure(owner_engine):
        suggested = command("db", "suggest-indexes", statement)
    assert suggested.status == 0, suggested.err
    first = next(line for line in suggested.out.splitlines() if "CREATE INDEX" in line)
    assert "ON cathouse.audit_events (action" in first
    assert int(first.split()[1]) > 50  # percent
    assert copies_left(owner_engine) == 0
    nothing = command("db", "suggest-indexes", "SELECT 1")
    assert "no index that was tried makes its plan cheaper" in nothing.out
    wrong = command("db", "suggest-indexes", "SELECT nonsense")
    assert wrong.status == 2
    assert 'the statement cannot be explained: column "nonsense" does not exist' in wrong.err


def test_what_no_index_can_be_on_is_left_out(command: Command, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE cathouse.audit_events ADD note json, ADD notes json[], ADD long text"))
        connection.execute(
            text(
                "INSERT INTO cathouse.audit_events (action, subject, detail, note, notes, long)"
                " SELECT 'action-' || number, '{}', '{}', '1', '{1}',"
                " (SELECT string_agg(md5((number * 500 + part)::text), '') FROM generate_series(1, 500) AS part)"
                " FROM generate_series(1, 20) AS number"
            )
        )
    for condition in ("note::text = '1'", "notes::text = '{1}'", "long = 'short'"):
        suggested = command("db", "suggest-indexes", f"SELECT id FROM cathouse.audit_events WHERE {condition}")
        assert suggested.status == 0, suggested.err
        assert "no index that was tried makes its plan cheaper" in suggested.out


def test_an_index_that_could_not_be_tried_is_not_said_to_be_of_no_use(
    clean_db: DatabaseUrl, owner_engine: Engine
) -> None:
    with connect(clean_db) as connection, owner_engine.connect() as writer:
        writer.execute(text("INSERT INTO cathouse.audit_events (action, subject, detail) VALUES ('a', '{}', '{}')"))
        connection.execute(text("SET lock_timeout = '50ms'"))
        with pytest.raises(ConfigurationError, match="an index cannot be tried: canceling statement due to lock"):
            try_indexes(connection, "SELECT id FROM cathouse.audit_events WHERE action = 'a'")
