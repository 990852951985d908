"""No secret reaches a log: neither in development nor in production."""

import subprocess
import sys

import pytest

from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment

FAILING = """
import structlog
from cathouse.configuration import EnvironmentSettings
from cathouse.web.logs import configure_logs

configure_logs(EnvironmentSettings(environment={environment!r}), "auth")

def log_in(password):
    raise RuntimeError("something unexpected")

try:
    log_in("a-canary-in-a-local-variable")
except RuntimeError:
    structlog.get_logger("test").exception("request.unexpected_error")
"""


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_traceback_does_not_show_local_variables(environment: str) -> None:
    logged = subprocess.run(
        [sys.executable, "-c", FAILING.replace("{environment!r}", repr(environment))],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stderr
    assert "something unexpected" in logged
    assert "log_in" in logged
    assert logged.count("a-canary-in-a-local-variable") == logged.count('log_in("a-canary-in-a-local-variable")')


QUERYING = """
import asyncio
from pydantic import SecretStr
from sqlalchemy import text
from cathouse.configuration import load
from cathouse.database import Database, DatabaseSettings
from cathouse.web.logs import configure_logs

settings = load(DatabaseSettings)
configure_logs(settings, "auth")

async def main():
    database = Database.from_settings(settings, "auth")
    statement = text("SELECT CAST(:secret AS text) || '-from-a-row' AS found")
    print(await database.read(lambda session: session.scalar(statement, {"secret": "a-canary"})))
    await database.close()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("environment", "level", "statements"),
    [("development", "DEBUG", 1), ("development", "INFO", 0), ("production", "DEBUG", 0)],
)
def test_statements_are_logged_in_development_without_parameters_and_rows_never(
    clean_db: DatabaseUrl, environment: str, level: str, statements: int
) -> None:
    variables = {"ENVIRONMENT": environment, "LOG_LEVEL": level, "DATABASE_URL": clean_db.for_libpq()}
    done = subprocess.run(
        [sys.executable, "-c", QUERYING],
        env=plain_environment() | variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "a-canary-from-a-row\n"  # and nothing else goes to standard output
    assert done.stderr.count("|| '-from-a-row' AS found") == statements
    assert "a-canary" not in done.stderr
    assert str(clean_db.password) not in done.stderr
