"""The commands that look at a database say what is there, and change nothing."""

import io
import json
import sys
import time

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from cathouse.database import SHARES, DatabaseUrl
from cathouse.local.seed import seed
from cathouse.schema.ownership import SERVICES, ownership, tables
from tests.fixtures.commands import Command
from tests.fixtures.server import role_url


@pytest.fixture
def seeded(owner_engine: Engine) -> Engine:
    seed(owner_engine, demo_cat_url="http://127.0.0.1:8010", environment="development")
    return owner_engine


def scalar(engine: Engine, statement: str) -> object:
    with engine.connect() as connection:
        return connection.scalar(text(statement))


def change(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_every_table_is_listed_with_the_service_that_owns_it(command: Command, seeded: Engine) -> None:
    change(seeded, "ANALYZE cathouse.cats")
    listed = {words[0]: words[1:] for words in command("db", "tables").words if words}
    for table in tables():
        assert listed[table.name][0] == ownership(table).owner
    assert listed["alembic_version"][0] == "migrations"
    assert listed["cats"][1] == "6"
    assert listed["cats"][3] in {"kB", "MB"}


def test_a_table_that_is_gone_is_named(command: Command, owner_engine: Engine) -> None:
    change(owner_engine, "DROP TABLE cathouse.api_keys")
    assert "missing: api_keys (`cathouse db upgrade` makes them)" in command("db", "tables").out


def test_a_database_without_our_tables_is_told_in_a_line(command: Command, owner_engine: Engine) -> None:
    change(owner_engine, "DROP SCHEMA cathouse CASCADE")
    outcome = command("db", "tables")
    assert outcome.status == 2
    assert outcome.err == ("the database has no table in the schema cathouse: `cathouse db upgrade` makes them\n")


def test_every_table_is_described_with_all_that_its_model_declares(command: Command) -> None:
    for table in tables():
        outcome = command("db", "describe", table.name)
        assert outcome.status == 0
        first_words = {words[0] for words in outcome.words if words}
        assert {column.name for column in table.columns} <= first_words
        assert {str(each.name) for each in table.constraints if each.name} <= first_words
        assert {str(each.name) for each in table.indexes} <= first_words


def test_a_description_says_who_may_do_what(command: Command) -> None:
    users = command("db", "describe", "cathouse.users").out
    assert "An account." in users
    assert "owner: auth\n" in users
    grants = {words[0]: " ".join(words[1:]) for words in command("db", "describe", "users").words if words}
    assert grants["cathouse_auth"] == "DELETE, INSERT, SELECT, UPDATE"
    assert grants["cathouse_proxy"] == "SELECT (id, is_active, timezone)"
    audit = command("db", "describe", "audit_events").out
    assert "append-only: no row is changed or removed" in audit
    assert "refuse_change(), always" in audit


def test_an_unknown_table_is_answered_with_those_that_come_close(command: Command) -> None:
    outcome = command("db", "describe", "instalations")
    assert outcome.status == 2
    assert "there is no table instalations in the schema cathouse; did you mean installations" in outcome.err
    assert outcome.err.count("\n") == 1


def test_rows_are_printed_as_they_are(command: Command, seeded: Engine) -> None:
    outcome = command("db", "sql", "SELECT slug, '100%' AS \"a:b\" FROM cats WHERE name LIKE '%' ORDER BY slug LIMIT 2")
    assert outcome.status == 0
    assert outcome.words[0] == ["slug", "a:b"]
    assert outcome.words[2][1] == "100%"
    assert outcome.words[-1] == ["2", "rows"]


def test_several_statements_each_give_their_rows(command: Command) -> None:
    outcome = command("db", "sql", "SELECT 'one' AS a; SELECT 'two' AS b", "SELECT NULL AS c WHERE false")
    said = [words for words in outcome.words if words and not words[0].startswith("─")]
    assert said == [["a"], ["one"], ["1", "row"], ["b"], ["two"], ["1", "row"], ["c"], ["0", "rows"]]


def test_json_keeps_every_value(command: Command, seeded: Engine) -> None:
    outcome = command(
        "db", "sql", "--json", "SELECT id, created_at, tags, NULL AS none, 1.50::numeric AS price, 7 AS id FROM cats"
    )
    rows = json.loads(outcome.out)
    assert len(rows) == 6
    assert set(rows[0]) == {"id", "created_at", "tags", "none", "price", "id_2"}
    assert (rows[0]["none"], rows[0]["price"], rows[0]["id_2"]) == (None, "1.50", 7)
    assert rows[0]["created_at"][10] == "T"
    two = command("db", "sql", "--json", "--write", "SELECT 1 AS a", "UPDATE tasks SET title = title")
    assert json.loads(two.out) == [[{"a": 1}], {"status": "UPDATE 5"}]


def test_statements_come_from_standard_input(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 6 * 7 AS answer;\n-- the end\n"))
    assert ["42"] in command("db", "sql", "-").words


def test_an_escape_sequence_in_a_row_does_not_reach_the_terminal(command: Command) -> None:
    outcome = command("db", "sql", r"SELECT E'\x1b[2Jgone' AS name")
    assert "\x1b" not in outcome.out
    assert r"\x1b[2Jgone" in outcome.out


@pytest.mark.parametrize(
    "statements",
    [
        ("DELETE FROM tasks",),
        ("WITH gone AS (DELETE FROM tasks RETURNING id) SELECT count(*) FROM gone",),
        ("SET TRANSACTION READ WRITE", "DELETE FROM tasks"),
        ("COMMIT", "DELETE FROM cathouse.tasks"),
        ("/* */ rollback; begin read write; DELETE FROM cathouse.tasks; commit",),
        ("SELECT nextval('cathouse.nothing')", "DELETE FROM tasks"),
    ],
)
def test_without_write_nothing_is_changed(command: Command, seeded: Engine, statements: tuple[str, ...]) -> None:
    outcome = command("db", "sql", *statements)
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert scalar(seeded, "SELECT count(*) FROM cathouse.tasks") == 5


def test_a_refused_change_says_how_to_allow_it(command: Command) -> None:
    assert "nothing may be changed unless --write is given" in command("db", "sql", "DELETE FROM tasks").err


def test_with_write_all_statements_are_kept_or_none(command: Command, seeded: Engine) -> None:
    kept = command("db", "sql", "--write", "UPDATE tasks SET title = 'x'", "DELETE FROM tasks WHERE status = 'pending'")
    assert (kept.status, kept.out) == (0, "UPDATE 5\nDELETE 2\n")
    assert scalar(seeded, "SELECT count(*) FROM cathouse.tasks") == 3
    lost = command("db", "sql", "--write", "DELETE FROM tasks", "INSERT INTO tasks (nothing) VALUES (1)")
    assert lost.status == 2
    assert "(statement 2, line 1, character 20)" in lost.err
    assert scalar(seeded, "SELECT count(*) FROM cathouse.tasks") == 3


def test_what_a_constraint_refuses_at_the_end_is_told(command: Command, owner_engine: Engine) -> None:
    change(
        owner_engine, "CREATE TABLE jar (id int PRIMARY KEY, later int REFERENCES jar DEFERRABLE INITIALLY DEFERRED)"
    )
    outcome = command("db", "sql", "--write", "INSERT INTO public.jar VALUES (1, 99)")
    assert outcome.status == 2
    assert outcome.err.startswith("nothing was changed: insert or update on table")
    assert scalar(owner_engine, "SELECT count(*) FROM jar") == 0


def test_a_syntax_error_is_one_line_with_its_place(command: Command) -> None:
    outcome = command("db", "sql", "SELECT *\n  FORM users")
    assert outcome.status == 2
    assert outcome.err == 'syntax error at or near "FORM" (line 2, character 3)\n'


def test_a_statement_that_takes_too_long_is_stopped(command: Command) -> None:
    started = time.monotonic()
    outcome = command("db", "sql", "--timeout", "1", "SELECT pg_sleep(60)")
    assert outcome.err == "canceling statement due to statement timeout\n"
    assert time.monotonic() - started < 30


def test_a_plan_is_shown_and_what_it_ran_is_rolled_back(command: Command, seeded: Engine) -> None:
    plan = command("db", "explain", "DELETE FROM tasks").out
    assert plan.startswith("Delete on tasks")
    assert "actual time" not in plan
    measured = command("db", "explain", "--analyze", "DELETE FROM tasks").out
    assert "actual time" in measured
    assert "Buffers: shared" in measured
    assert scalar(seeded, "SELECT count(*) FROM cathouse.tasks") == 5


def test_explain_takes_exactly_one_statement(command: Command, seeded: Engine) -> None:
    outcome = command("db", "explain", "--analyze", "SELECT 1; DELETE FROM tasks")
    assert (outcome.status, outcome.err) == (2, "EXPLAIN takes one statement; this is 2\n")
    assert command("db", "explain", " -- nothing").status == 2
    assert "(line 1, character 8)" in command("db", "explain", "SELECT nothing").err
    assert scalar(seeded, "SELECT count(*) FROM cathouse.tasks") == 5


def test_a_statement_with_placeholders_is_explained(command: Command, owner_engine: Engine) -> None:
    if int(str(scalar(owner_engine, "SHOW server_version_num"))) < 160000:
        pytest.skip("generic plans came with Postgres 16")
    assert "(id = $1)" in command("db", "explain", "SELECT * FROM users WHERE id = $1").out


def test_slow_statements_say_how_to_get_them_counted(command: Command, owner_engine: Engine) -> None:
    if scalar(owner_engine, "SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements'"):
        pytest.skip("this server counts them")
    outcome = command("db", "slow")
    assert outcome.status == 2
    assert "CREATE EXTENSION pg_stat_statements" in outcome.err
    assert outcome.err.count("\n") == 1


def test_connections_are_counted_for_the_service_that_opened_them(command: Command, clean_db: DatabaseUrl) -> None:
    named = create_engine(
        role_url("proxy", clean_db).for_psycopg2(),
        poolclass=NullPool,
        connect_args={"application_name": "cathouse-proxy"},
    )
    by_role = create_engine(role_url("catalog", clean_db).for_psycopg2(), poolclass=NullPool)
    other = create_engine(clean_db.for_psycopg2(), poolclass=NullPool)
    with named.connect() as first, named.connect(), by_role.connect() as catalog, other.connect():
        first.execute(text("SELECT 1"))
        catalog.execute(text("SELECT 1"))
        catalog.rollback()
        time.sleep(0.1)
        outcome = command("db", "connections")
    rows = {words[0]: words[1:] for words in outcome.words if words}
    proxy, catalog_row = rows["proxy"], rows["catalog"]
    assert proxy[0] == "cathouse_proxy_login"
    assert [int(each) for each in proxy[1:5]] == [2, 0, 1, 1]
    assert float(proxy[5]) >= 0.1
    assert int(proxy[7]) == SHARES["proxy"].total
    assert catalog_row[:5] == ["cathouse_catalog_login", "1", "0", "1", "0"]
    assert rows["auth"][:2] == ["-", "0"]
    assert rows["services"][:6] == ["3", "of", "a", "budget", "of", "9"]
    assert rows["others"][0] == "1"
    assert "over its share: proxy by 1" in outcome.out


def test_every_service_with_its_own_login_is_well(
    command: Command, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in SERVICES:
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", role_url(service, clean_db).for_libpq())
    outcome = command("db", "check")
    assert outcome.status == 0
    assert outcome.out.count("up-to-date") == len(SERVICES)
    assert outcome.out.endswith("all is well\n")
    assert f"cathouse_proxy_login in the database {clean_db.name}" in outcome.out
    assert "note" not in outcome.out


def test_a_login_that_all_services_share_is_told_as_such(command: Command, clean_db: DatabaseUrl) -> None:
    outcome = command("db", "check")
    assert outcome.status == 0
    assert f"{clean_db.user} is one login for auth, catalog, installation, proxy" in outcome.out
    assert outcome.out.count("note:") == 2


def test_a_login_without_its_services_rights_fails(
    command: Command, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOG_DATABASE_URL", role_url("proxy", clean_db).for_libpq())
    outcome = command("db", "check", "catalog")
    assert outcome.status == 1
    assert "cathouse_proxy_login lacks DELETE cat_reports" in outcome.out
    assert "GRANT cathouse_catalog TO cathouse_proxy_login" in outcome.out
    assert outcome.out.endswith("failed: catalog\n")


@pytest.mark.parametrize(
    ("grant", "told"),
    [
        ("GRANT UPDATE (email) ON cathouse.users TO cathouse_proxy", "UPDATE users"),
        ("GRANT SELECT (password_hash) ON cathouse.users TO cathouse_proxy", "SELECT users.password_hash"),
        ("GRANT TRUNCATE ON cathouse.tasks TO cathouse_proxy", "TRUNCATE tasks"),
        ("GRANT CREATE ON SCHEMA cathouse TO cathouse_proxy", "CREATE in the schema cathouse"),
    ],
)
def test_a_right_too_many_fails(
    command: Command,
    clean_db: DatabaseUrl,
    owner_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    grant: str,
    told: str,
) -> None:
    change(owner_engine, grant)
    monkeypatch.setenv("PROXY_DATABASE_URL", role_url("proxy", clean_db).for_libpq())
    outcome = command("db", "check", "proxy")
    assert outcome.status == 1
    assert f"cathouse_proxy_login may do more than proxy-service needs, {told}: REVOKE it" in outcome.out


@pytest.mark.parametrize(
    ("revoke", "told"),
    [
        ("REVOKE INSERT ON cathouse.audit_events FROM cathouse_proxy", "lacks INSERT audit_events"),
        ("REVOKE USAGE ON SCHEMA cathouse FROM cathouse_proxy", "lacks USAGE on the schema cathouse"),
        ("UPDATE cathouse.alembic_version SET version_num = '0001'", "`cathouse db upgrade` brings it"),
    ],
)
def test_what_is_missing_fails(
    command: Command,
    clean_db: DatabaseUrl,
    owner_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    revoke: str,
    told: str,
) -> None:
    change(owner_engine, revoke)
    monkeypatch.setenv("PROXY_DATABASE_URL", role_url("proxy", clean_db).for_libpq())
    outcome = command("db", "check", "proxy")
    assert outcome.status == 1
    assert outcome.out.count("FAILED") == 1
    assert told in outcome.out


def test_a_service_that_cannot_connect_fails_alone_and_shows_no_password(
    command: Command, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = role_url("auth", clean_db).replace(password="not-the-password")
    monkeypatch.setenv("AUTH_DATABASE_URL", wrong.for_libpq())
    monkeypatch.setenv("CATALOG_DATABASE_URL", "postgresql://me:hush@127.0.0.1:1/cats")
    monkeypatch.setenv("PROXY_DATABASE_URL", "not-a-url-but-hush")
    monkeypatch.setenv("INSTALLATION_DATABASE_URL", role_url("installation", clean_db).for_libpq())
    outcome = command("db", "check")
    assert outcome.status == 1
    assert outcome.out.endswith("failed: auth, catalog, proxy\n")
    assert "check the host, the port and sslmode" in outcome.out
    assert "PROXY_DATABASE_URL: expected a URL that begins with postgresql://" in outcome.out
    for secret in ("hush", "not-the-password", clean_db.password, role_url("auth", clean_db).password):
        assert str(secret) not in outcome.out + outcome.err


def test_a_password_file_of_the_shared_url_is_not_used_for_a_services_own(
    command: Command, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("secrets") / "url"
    file.write_text(clean_db.for_libpq())
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    monkeypatch.setenv("PROXY_DATABASE_URL", role_url("proxy", clean_db).for_libpq())
    assert command("db", "check", "auth", "proxy").status == 0


def test_an_unknown_service_is_refused(command: Command) -> None:
    outcome = command("db", "check", "kitchen")
    assert (outcome.status, outcome.err) == (
        2,
        "there is no service kitchen: expected auth, catalog, installation, proxy\n",
    )


def test_a_server_that_is_away_is_one_line_without_the_password(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgresql://me:hush@127.0.0.1:1/cats")
    for arguments in (("tables",), ("describe", "users"), ("sql", "SELECT 1"), ("slow",), ("connections",)):
        outcome = command("db", *arguments)
        assert outcome.status == 2
        assert outcome.err.startswith("cannot connect to the database me@127.0.0.1:1/cats: ")
        assert outcome.err.count("\n") == 1
        assert "hush" not in outcome.out + outcome.err
