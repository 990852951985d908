"""A database that answers and says no: it is full, read-only, has no free place, or another password."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from cathouse.database import DatabaseFullError, DatabaseReadOnlyError, DatabaseUnavailableError, DatabaseUrl
from tests.database.jars import answer, insert, opened


async def test_a_server_without_a_free_place_is_waited_for(login: DatabaseUrl, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE {login.user} CONNECTION LIMIT 1"))
    async with opened(login) as holder, opened(login) as database:
        await holder.read(answer)
        waiting = asyncio.create_task(database.read(answer))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await holder.close()
        assert await waiting == 42


def deny(engine: Engine, statement: str, state: str) -> None:
    """Let the database refuse to write to ``jar`` as a server in trouble does."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE EXCEPTION '{statement}' USING ERRCODE = '{state}'; END $$"
            )
        )
        connection.execute(text("CREATE TRIGGER deny BEFORE INSERT ON jar FOR EACH ROW EXECUTE FUNCTION deny()"))


async def test_a_full_disk_is_told_and_reading_goes_on(clean_db: DatabaseUrl, jar: Engine) -> None:
    # A disk cannot be filled here without harm to others: the server's own code for it is raised instead.
    deny(jar, "could not extend file: No space left on device", "disk_full")
    async with opened(clean_db) as database:
        with pytest.raises(DatabaseFullError) as refusal:
            await database.write(insert(1))
        assert await database.read(answer) == 42
    assert refusal.value.headers["Retry-After"] == "60"
    assert "space" not in str(refusal.value)


async def test_a_database_that_became_read_only_is_told_and_reading_goes_on(clean_db: DatabaseUrl, jar: Engine) -> None:
    with jar.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {clean_db.name} SET default_transaction_read_only = on"))
    async with opened(clean_db) as database:
        with pytest.raises(DatabaseReadOnlyError):
            await database.write(insert(1))
        assert await database.read(answer) == 42


@pytest.fixture
def login(clean_db: DatabaseUrl, owner_engine: Engine) -> Iterator[DatabaseUrl]:
    """A login of its own, whose password a test may change."""
    user = f"login_{clean_db.name[-12:]}"
    with owner_engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {user} LOGIN PASSWORD 'the-old-one'"))
    yield clean_db.replace(user=user, password="the-old-one")
    with owner_engine.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :user"), {"user": user}
        )
        connection.execute(text(f"DROP ROLE {user}"))


def rotate(engine: Engine, login: DatabaseUrl) -> DatabaseUrl:
    """Change the password, and break what is connected with the old one."""
    with engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE {login.user} PASSWORD 'the-new-one'"))
    with engine.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :user"), {"user": login.user}
        )
    return login.replace(password="the-new-one")


async def test_a_rotated_password_is_told_at_once_and_never_shown(
    login: DatabaseUrl, owner_engine: Engine, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(login) as database:
        assert await database.read(answer) == 42
        rotate(owner_engine, login)
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            await database.read(answer)
        assert time.monotonic() - started < 3
    said = "".join(capsys.readouterr()) + caplog.text
    assert "database.login_refused" in said
    assert "password is wrong" in said
    assert "the-old-one" not in said


async def test_a_rotated_password_in_a_file_is_taken_up_without_a_restart(
    login: DatabaseUrl, owner_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "database_url"
    file.write_text(login.for_libpq())
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    async with opened(login) as database:
        assert await database.read(answer) == 42
        new = rotate(owner_engine, login)
        with pytest.raises(DatabaseUnavailableError):
            await database.read(answer)
        file.write_text(new.for_libpq() + "\n")
        assert await database.read(answer) == 42
