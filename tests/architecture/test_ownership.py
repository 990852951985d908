"""Only the owner's package writes a table: seen in the code, and enforced by the database."""

import ast
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, Table, create_engine, insert, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.pool import NullPool

from cathouse import schema
from cathouse.database import DatabaseUrl
from cathouse.schema.base import ALL_COLUMNS, SCHEMA, Base
from cathouse.schema.ownership import SERVICES, VERSION_TABLE, ownership, tables
from tests.fixtures.server import role_url

ROOT = Path(__file__).parents[2]
WRITING_FUNCTIONS = {"insert", "upsert", "update", "delete"}

_WRITING_SQL = re.compile(
    rf"\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|TRUNCATE(?: TABLE)?) {SCHEMA}\.(\w+)", re.IGNORECASE
)

MODELS = {mapper.class_.__name__: mapper.local_table for mapper in Base.registry.mappers}
NAMES = {table.name: model for model, table in MODELS.items() if isinstance(table, Table)}


def writers(table: Table) -> set[str]:
    """The services whose code may write ``table``."""
    rights = ownership(table)
    return {rights.owner, *rights.sharers, *rights.inserters}


def other_names(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """What is imported under another name, by that one."""
    imports = (node for node in nodes if isinstance(node, ast.ImportFrom))
    return {each.asname: each.name for node in imports for each in node.names if each.asname is not None}


def written_models(source: Path) -> Iterator[tuple[str, int]]:
    """The models that ``source`` writes: in insert/update/delete statements, in SQL, or made to be added to a session.

    Under whatever name they were imported.
    """
    nodes = list(ast.walk(ast.parse(source.read_text())))
    imported = other_names(nodes)

    def name(node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            return name(node.value) if node.attr == "__table__" else node.attr
        return imported.get(node.id, node.id) if isinstance(node, ast.Name) else ""

    for constant in (node for node in nodes if isinstance(node, ast.Constant)):
        for table in _WRITING_SQL.findall(str(constant.value)):
            yield NAMES.get(table.lower(), table), constant.lineno
    for node in (node for node in nodes if isinstance(node, ast.Call)):
        called = node.func
        if name(called) in MODELS:
            yield name(called), node.lineno
        elif name(called) in WRITING_FUNCTIONS:
            if isinstance(called, ast.Attribute) and name(called.value) in MODELS:
                yield name(called.value), node.lineno
            elif node.args:
                yield name(node.args[0]), node.lineno


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_writes_its_own_tables_only(service: str) -> None:
    sources = list((ROOT / f"{service}-service" / "src").rglob("*.py"))
    assert sources
    for source in sources:
        for model, line in written_models(source):
            table = MODELS.get(model)
            if isinstance(table, Table):
                assert service in writers(table), f"{source}:{line} writes {model}, which {ownership(table).owner} owns"


def test_the_search_for_writes_finds_them() -> None:
    found = {
        model for source in (ROOT / "catalog-service" / "src").rglob("*.py") for model, _ in written_models(source)
    }
    assert {"Cat", "Release", "Permission", "ReleasePermission", "CatSearch"} <= found


@pytest.mark.parametrize(
    "written",
    [
        "update(Installation)",
        "sqlalchemy.update(schema.Installation)",
        "from sqlalchemy.dialects.postgresql import insert as put\nput(Installation)",
        "from cathouse.schema import Installation as Home\ndelete(Home)",
        "Installation.__table__.update()",
        "session.add(schema.Installation())",
        "text('UPDATE cathouse.installations SET status = 1')",
        'text(f"""\nDELETE FROM cathouse.installations WHERE id = {1}""")',
    ],
)
def test_a_write_is_found_however_it_is_written(written: str, tmp_path: Path) -> None:
    source = tmp_path / "repository.py"
    source.write_text(written)
    assert [model for model, _ in written_models(source)] == ["Installation"]


def test_every_table_has_an_owner_and_says_so() -> None:
    for table in tables():
        assert ownership(table).owner in SERVICES
        for service, columns in ownership(table).readers.items():
            assert service in SERVICES
            assert columns == ALL_COLUMNS or set(columns) <= set(table.columns.keys()), table.name


def test_every_table_has_a_module_of_its_own() -> None:
    modules = {path.stem for path in Path(schema.__file__).parent.glob("*.py")} - {"__init__", "base", "ownership"}
    assert modules == {table.name for table in tables()}


@pytest.fixture(params=SERVICES)
def logged_in(request: pytest.FixtureRequest, worker_database: DatabaseUrl) -> Iterator[tuple[str, Connection]]:
    """A service's name, and a connection that is logged in as it."""
    engine = create_engine(role_url(request.param, worker_database).for_psycopg2(), poolclass=NullPool)
    with engine.connect() as connection:
        yield request.param, connection


def allowed(connection: Connection, statement: str) -> bool:
    """Whether the role may do this; nothing is changed."""
    with connection.begin() as transaction:
        try:
            connection.execute(text(statement))
        except ProgrammingError as error:
            if getattr(error.orig, "pgcode", None) != "42501":
                raise
            return False
        finally:
            transaction.rollback()
        return True


def test_each_role_can_do_what_its_service_may_and_no_more(logged_in: tuple[str, Connection]) -> None:
    service, connection = logged_in
    for table in tables():
        name = f"{SCHEMA}.{table.name}"
        rights = ownership(table)
        full = service in (rights.owner, *rights.sharers)
        column = next(each.name for each in table.columns if each.computed is None and each.identity is None)
        assert allowed(connection, f"INSERT INTO {name} ({column}) SELECT NULL WHERE false") == (
            full or service in rights.inserters
        ), f"{service} INSERT {name}"
        changes = full and not rights.append_only
        assert allowed(connection, f"UPDATE {name} SET {column} = NULL WHERE false") == changes, (
            f"{service} UPDATE {name}"
        )
        assert allowed(connection, f"DELETE FROM {name} WHERE false") == changes, f"{service} DELETE {name}"
        assert not allowed(connection, f"TRUNCATE {name}"), f"{service} TRUNCATE {name}"
        readable = rights.readers.get(service, ())
        for each in table.columns:
            may_read = full or readable == ALL_COLUMNS or each.name in readable
            assert allowed(connection, f"SELECT {each.name} FROM {name} LIMIT 0") == may_read, (
                f"{service} {name}.{each.name}"
            )
    assert allowed(connection, f"SELECT version_num FROM {SCHEMA}.{VERSION_TABLE}")
    assert not allowed(connection, f"CREATE TABLE {SCHEMA}.intruder ()")


_SECRET = re.compile(r"hash(es)?$|^wrapped|^wrapping_key_id$|secret$|^prefix$|^email(_key)?$|^key_id$|^ip$")
_NO_SECRET = {("idempotency_keys", "request_hash")}
_READ_ON_PURPOSE = {("player_secrets", "wrapped_value", "proxy"), ("player_secrets", "key_id", "proxy")}
"""proxy-service alone opens players' secrets."""


def test_nobody_but_the_owner_reads_a_hash_a_wrapped_key_or_an_address() -> None:
    secret = {
        (table.name, column.name) for table in tables() for column in table.columns if _SECRET.search(column.name)
    } - _NO_SECRET
    assert len(secret) >= 15
    for table in tables():
        for service, columns in ownership(table).readers.items():
            for column in table.columns.keys() if columns == ALL_COLUMNS else columns:
                assert (table.name, column) not in secret or (table.name, column, service) in _READ_ON_PURPOSE, (
                    f"{service} may read {table.name}.{column}, which looks like a secret: leave it out of the"
                    f" readers of {table.name}, or say in _READ_ON_PURPOSE why it must be"
                )


@pytest.mark.parametrize("statement", ["UPDATE {} SET action = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_not_even_the_owner_of_the_database_changes_the_audit(owner_engine: Engine, statement: str) -> None:
    with owner_engine.begin() as connection:
        connection.execute(insert(schema.AuditEvent).values(id=uuid.uuid4(), action="test"))
    with owner_engine.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        with pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(statement.format(f"{SCHEMA}.audit_events")))
    with owner_engine.connect() as connection:
        assert connection.scalar(text(f"SELECT action FROM {SCHEMA}.audit_events")) == "test"


def test_a_plain_update_moves_updated_at(owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO {SCHEMA}.users (email, email_key, display_name)"
                " VALUES ('A@b.example', 'a@b.example', 'A')"
            )
        )
    with owner_engine.begin() as connection:
        connection.execute(text(f"UPDATE {SCHEMA}.users SET display_name = 'B'"))
    with owner_engine.connect() as connection:
        assert connection.scalar(text(f"SELECT updated_at > created_at FROM {SCHEMA}.users"))
