"""``cathouse db upgrade``, ``downgrade``, ``status`` and ``roles``: what they do, say and announce."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from sqlalchemy import text

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.schema import HEAD_REVISION
from cathouse.upkeep.direct import connect
from cathouse.upkeep.revisions import revision_of
from tests.fixtures.commands import Command, Outcome
from tests.fixtures.history import BELOW_HEAD, History
from tests.fixtures.own_server import OwnServer


class Webhook(BaseHTTPRequestHandler):
    heard: ClassVar[list[str]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.heard.append(body["text"])
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the test asks for what was heard."""


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Webhook]]:
    Webhook.heard, Webhook.status = [], 200
    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MIGRATION_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/a-secret-path")
        yield Webhook
        server.shutdown()


def test_down_and_up_again(command: Command, clean_db: DatabaseUrl) -> None:
    assert command("db", "downgrade", "-1").out == f"{clean_db!r} is at {BELOW_HEAD}\n"
    assert command("db", "upgrade").out == f"{clean_db!r} is at {HEAD_REVISION}\n"
    unknown = command("db", "downgrade", "nonsense")
    assert unknown.status == 2
    assert "Can't locate revision identified by 'nonsense'" in unknown.err


def test_status_names_the_database_the_versions_and_the_revision(command: Command, clean_db: DatabaseUrl) -> None:
    said = command("db", "status").out
    assert f"database   {clean_db!r}" in said
    assert "pgvector   0." in said
    assert f"revision   {HEAD_REVISION} (this code wants {HEAD_REVISION})" in said


def upgrade_that_fails(command: Command, history: History, *, back: str) -> Outcome:
    """At the second of two revisions; ``back`` is how the first is to be taken back."""
    history.add('op.execute("CREATE TABLE cathouse.first (id int)")', f'op.execute("{back}")')
    history.add('op.execute("CREATE GARBAGE")')
    failed = command("db", "upgrade", "--rollback")
    assert failed.status == 2
    return failed


def test_a_failure_is_told_announced_and_taken_back(
    command: Command,
    clean_db: DatabaseUrl,
    history: History,
    webhook: type[Webhook],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(history.folder)
    failed = upgrade_that_fails(command, history, back="DROP TABLE cathouse.first")
    assert "The database stands at revision t000" in failed.err
    assert f"It was taken back to {HEAD_REVISION}" in failed.err
    assert revision_of(clean_db) == HEAD_REVISION
    assert len(webhook.heard) == 1
    assert webhook.heard[0].startswith(f"Cat House, {clean_db!r}: the migration failed: syntax error")
    assert str(clean_db.password) not in webhook.heard[0] + failed.err + failed.out

    webhook.status = 500
    unheard = command("db", "upgrade")
    assert "the webhook did not take the announcement: status 500" in unheard.err
    assert "a-secret-path" not in unheard.err
    assert revision_of(clean_db) == "t000"


def test_a_failure_that_cannot_be_taken_back_is_announced_with_its_own_reason(
    command: Command,
    clean_db: DatabaseUrl,
    history: History,
    webhook: type[Webhook],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(history.folder)
    failed = upgrade_that_fails(command, history, back="DROP TABLE cathouse.second")
    assert revision_of(clean_db) == "t000"
    assert len(webhook.heard) == 1
    for told in (failed.err, webhook.heard[0]):
        assert 'the migration failed: syntax error at or near "GARBAGE"' in told
        assert 'It could not be taken back: the migration failed: table "second" does not exist' in told


def test_a_database_that_cannot_be_reached_is_announced(
    command: Command, clean_db: DatabaseUrl, webhook: type[Webhook], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", clean_db.replace(name="nowhere").for_libpq())
    assert command("db", "upgrade", "--rollback").status == 2
    assert len(webhook.heard) == 1
    assert 'database "nowhere" does not exist' in webhook.heard[0]


def test_a_success_is_not_announced(command: Command, webhook: type[Webhook]) -> None:
    assert command("db", "upgrade").status == 0
    assert webhook.heard == []


def test_the_login_roles_have_their_limits_and_settings(
    command: Command, own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Roles belong to a whole server: here no other test logs in.
    monkeypatch.setenv("MIGRATION_DATABASE_URL", own_server.url.for_libpq())
    monkeypatch.setenv("DB_SHARES", "auth=4")
    too_early = command("db", "roles")
    assert too_early.status == 2
    assert 'role "cathouse_auth" does not exist: run the migrations first (cathouse db upgrade)' in too_early.err
    assert command("db", "upgrade").status == 0
    made = command("db", "roles", "--replicas", "2")
    assert made.status == 0, made.err
    urls = [line.removeprefix("DATABASE_URL=") for line in made.out.splitlines() if line.startswith("DATABASE_URL=")]
    limits = text("SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname LIKE 'cathouse\\_%\\_login'")
    with own_server.engine().connect() as connection:
        assert {row.rolname: row.rolconnlimit for row in connection.execute(limits)} == {
            "cathouse_auth_login": 12,
            "cathouse_catalog_login": 10,
            "cathouse_installation_login": 10,
            "cathouse_proxy_login": 6,
        }
    assert len(urls) == 4
    for url in urls:
        with connect(DatabaseUrl.parse(url)) as connection:
            assert connection.scalar(text("SHOW jit")) == "off"
            assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "30s"
    again = command("db", "roles")
    assert not set(urls) & {line.removeprefix("DATABASE_URL=") for line in again.out.splitlines()}
    old = DatabaseUrl.parse(urls[0])
    with pytest.raises(ConfigurationError, match="password authentication failed"), connect(old):
        pass


def test_an_owner_who_is_no_superuser_makes_the_logins_and_renews_them(
    command: Command, own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_server.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE ROLE an_owner LOGIN CREATEROLE CREATEDB PASSWORD 'of-this-test'"))
        connection.execute(text("CREATE DATABASE cats OWNER an_owner"))
    cats = own_server.url.replace(name="cats")
    with connect(cats, autocommit=True) as connection:
        connection.execute(text("CREATE EXTENSION vector"))  # the one thing that a superuser has to do
    owner = cats.replace(user="an_owner", password="of-this-test")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", owner.for_libpq())
    assert command("db", "upgrade").status == 0
    for _ in range(2):
        made = command("db", "roles")
        assert made.status == 0, made.err
    last = made.out.splitlines()[-1].removeprefix("DATABASE_URL=")
    with connect(DatabaseUrl.parse(last)) as connection:
        assert connection.scalar(text("SHOW hnsw.iterative_scan")) == "relaxed_order"


def test_two_heads_are_told_in_a_line(command: Command, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(history.folder)
    history.add("pass")
    history.head = HEAD_REVISION
    history.add("pass")
    for arguments in (("db", "rehearse"), ("db", "upgrade")):
        refused = command(*arguments)
        assert refused.status == 2
        assert "heads" in refused.err
        assert "Traceback" not in refused.err


def test_what_fails_in_a_migration_is_told_without_the_values_of_rows(
    command: Command, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(history.folder)
    history.add(
        """
        op.execute("CREATE TABLE cathouse.jar (email text)")
        op.execute("INSERT INTO cathouse.jar VALUES ('mia@example.com'), ('mia@example.com')")
        op.execute("CREATE UNIQUE INDEX ix_jar_email ON cathouse.jar (email)")
        """
    )
    failed = command("db", "upgrade")
    assert failed.status == 2
    assert 'could not create unique index "ix_jar_email"' in failed.err
    assert "mia@example.com" not in failed.err


def test_a_connection_that_is_cut_under_a_command_is_told_in_a_line(command: Command) -> None:
    cut = command("db", "sql", "SELECT pg_terminate_backend(pg_backend_pid())")
    assert cut.status == 2
    assert cut.err.startswith("the database: ")
    assert cut.err.count("\n") == 1
