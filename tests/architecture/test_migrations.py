"""The one history: it goes up and down, and says what the models say."""

import uuid

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.schema import HEAD_REVISION
from cathouse.upkeep.inspection.splitting import split_statements
from cathouse.upkeep.migrations import alembic_config, downgrade, upgrade
from cathouse.upkeep.models import structure_of_models
from cathouse.upkeep.revisions import BASE, lint, route, sql_of
from cathouse.upkeep.structure import Structure, differences, fingerprint, read_structure
from tests.fixtures.history import History
from tests.fixtures.server import PREFIX, drop_database, server_url

LONG_NAMES = 63


def structure(engine: Engine) -> Structure:
    with engine.connect() as connection:
        return read_structure(connection)


def structure_valid_or_not(engine: Engine) -> Structure:
    """A constraint that was validated stays so on the way down: its revision has nothing else to take back."""
    found = structure(engine)
    return {
        **found,
        "constraints": {name: is_.removesuffix(" NOT VALID") for name, is_ in found["constraints"].items()},
    }


def test_head_is_what_the_services_expect(clean_db: DatabaseUrl) -> None:
    heads = ScriptDirectory.from_config(alembic_config(clean_db)).get_heads()
    assert heads == [HEAD_REVISION], "HEAD_REVISION of cathouse.schema is the history's one head"


def test_down_to_nothing_and_up_again_gives_the_same(clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    before = structure(owner_engine)
    assert len(before["columns"]) > 200
    downgrade(clean_db, "base")
    left = structure(owner_engine)
    assert left["columns"].keys() == {"alembic_version.version_num"}
    assert not left["functions"]
    upgrade(clean_db)
    assert [str(each) for each in differences(before, structure(owner_engine))] == []


def test_each_revision_goes_down_to_what_was_before_it_and_up_again(empty_database: DatabaseUrl) -> None:
    engine = make_migration_engine(empty_database)
    history = ScriptDirectory.from_config(alembic_config(empty_database)).walk_revisions()
    upwards = [each.revision for each in history][::-1]
    reached = []
    for revision in upwards:
        upgrade(empty_database, revision)
        reached.append(structure_valid_or_not(engine))
    for revision, before, after in zip(upwards[:0:-1], reached[-2::-1], reached[::-1], strict=False):
        downgrade(empty_database, "-1")
        left = differences(before, structure_valid_or_not(engine))
        assert [str(each) for each in left] == [], f"the downgrade of {revision} does not take back what it did"
        upgrade(empty_database, revision)
        made = differences(after, structure_valid_or_not(engine))
        assert [str(each) for each in made] == [], f"{revision} again, after its downgrade, makes something else"
        downgrade(empty_database, "-1")
    engine.dispose()


def test_models_and_migrations_do_not_differ(
    clean_db: DatabaseUrl, owner_engine: Engine, empty_database: DatabaseUrl
) -> None:
    command.check(alembic_config(clean_db))
    with make_migration_engine(empty_database).begin() as connection:
        modelled = structure_of_models(connection)
    assert [str(each) for each in differences(modelled, structure(owner_engine))] == []


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("ALTER TABLE cathouse.users DROP CONSTRAINT ck_users_role", "- constraints: users.ck_users_role: CHECK"),
        ("ALTER TABLE cathouse.cats ALTER status SET DEFAULT 'published'", "~ columns: cats.status: "),
        ("ALTER TABLE cathouse.cats ALTER description DROP NOT NULL", "~ columns: cats.description: "),
        ("DROP INDEX cathouse.ix_tasks_tags", "- indexes: tasks.ix_tasks_tags: "),
        ("GRANT DELETE ON cathouse.users TO cathouse_proxy", "+ table grants: users to cathouse_proxy: DELETE"),
        ("GRANT SELECT (password_hash) ON cathouse.users TO cathouse_proxy", "+ column grants: users.password_hash"),
        ("ALTER TABLE cathouse.audit_events DISABLE TRIGGER refuse_change", "~ triggers: audit_events.refuse_change"),
        ("CREATE TABLE cathouse.forgotten (id int)", "+ columns: forgotten.id: integer"),
    ],
)
def test_every_kind_of_drift_is_seen_and_named(owner_engine: Engine, change: str, seen: str) -> None:
    before = structure(owner_engine)
    with owner_engine.begin() as connection:
        connection.execute(text(change))
    after = structure(owner_engine)
    assert any(str(each).startswith(seen) for each in differences(before, after))
    assert fingerprint(before) != fingerprint(after)


def test_the_written_sql_builds_the_same(owner_engine: Engine, empty_database: DatabaseUrl) -> None:
    written = make_migration_engine(empty_database)
    with written.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        cursor = connection.connection.cursor()
        for statement in split_statements(sql_of(BASE, "head")):  # as psql sends them
            cursor.execute(statement)
    assert [str(each) for each in differences(structure(owner_engine), structure(written))] == []


@pytest.mark.parametrize("revision", route(BASE).revisions)
def test_the_linter_has_nothing_against_a_revision(revision: str) -> None:
    below = route(BASE, revision).revisions[:-1]
    assert lint(sql_of(below[-1] if below else BASE, revision)) == []


def test_the_linter_is_heard() -> None:
    assert lint("CREATE INDEX ix_users_locale ON cathouse.users (locale);")


def test_a_linter_that_does_not_run_is_no_praise(history: History) -> None:
    (history.folder / "squawk.toml").unlink()
    with pytest.raises(ConfigurationError, match="squawk failed: Configuration error: No such file"):
        lint("SELECT 1;", ini=history.ini)


def test_every_constraint_and_index_has_a_name_by_the_convention(owner_engine: Engine) -> None:
    found = structure(owner_engine)
    for table, name in (each.split(".") for each in found["constraints"]):
        if table == "alembic_version":
            continue
        # Postgres 18 lists NOT NULL as constraints, which it names itself.
        assert name.startswith(("pk_", "fk_", "uq_", "ck_")) or name.endswith("_not_null"), name
        assert len(name) < LONG_NAMES
    names = [each.split(".")[1] for each in found["indexes"]]
    assert all(name.startswith(("pk_", "uq_", "ix_", "alembic_version")) for name in names)


def test_a_database_that_is_not_utf8_is_refused_with_what_to_do() -> None:
    name = f"{PREFIX}ascii_{uuid.uuid4().hex}"
    server = make_migration_engine(server_url())
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"))
    try:
        with pytest.raises(ConfigurationError, match="is encoded as SQL_ASCII; UTF8 is needed"):
            upgrade(server_url().replace(name=name))
    finally:
        drop_database(server_url(), name)


def test_running_it_again_changes_nothing(clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    before = structure(owner_engine)
    upgrade(clean_db)
    assert structure(owner_engine) == before
