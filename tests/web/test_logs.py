"""No secret reaches a log: neither in development nor in production."""

import asyncio
import json
import logging
import subprocess
import sys
import time
from types import FrameType
from typing import Any

import pytest
import structlog

from cathouse.configuration import EnvironmentSettings
from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment
from cathouse.web.observing import logs
from cathouse.web.observing.logs import configure_logs

FAILING = """
import structlog
from cathouse.configuration import EnvironmentSettings
from cathouse.web.observing.logs import configure_logs

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
from cathouse.web.observing.logs import configure_logs

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


class Written:
    """Standard error that remembers how often it was written to."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.texts.append(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False


async def test_the_lines_of_a_turn_of_the_loop_are_written_at_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", written := Written())
    configure_logs(EnvironmentSettings(environment="production"), "auth")
    log = structlog.get_logger("of.a.test")
    for number in range(3):
        log.info("counted", number=number)
    assert written.texts == []
    await asyncio.sleep(0)
    assert len(written.texts) == 1
    lines = [json.loads(line) for line in written.texts[0].splitlines()]
    assert [(line["event"], line["number"], line["logger"]) for line in lines] == [
        ("counted", number, "of.a.test") for number in range(3)
    ]
    log.info("counted", number=3)
    logging.getLogger("a.library").warning("worse than information")
    assert [json.loads(line)["level"] for line in written.texts[1].splitlines()] == ["info", "warning"]


async def test_what_is_worse_than_information_is_written_before_anything_else_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", written := Written())
    configure_logs(EnvironmentSettings(environment="development"), "auth")
    log = structlog.get_logger("of.a.test")
    log.info("before", path="/cats of mine", what="plain", lines="a\nb")
    log.warning("bad")
    (text,) = written.texts
    first, second = text.splitlines()
    assert first.endswith("[info] before [of.a.test] path='/cats of mine' what=plain lines='a\\nb' service=auth")
    assert second.endswith("[warning] bad [of.a.test] service=auth")


def let_others_go_on(frame: FrameType, _event: str, _argument: Any) -> Any:
    """Traces a thread: behind every line of what writes the log another thread has its turn."""
    if frame.f_code.co_filename != logs.__file__:
        return None
    time.sleep(0.0001)
    return let_others_go_on


async def test_what_threads_log_while_lines_are_written_is_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", written := Written())
    configure_logs(EnvironmentSettings(environment="production"), "auth")
    log = structlog.get_logger("of.a.test")

    def count(writer: int) -> None:
        sys.settrace(let_others_go_on)
        for number in range(20):
            log.info("counted", writer=writer, number=number)

    threads = [asyncio.create_task(asyncio.to_thread(count, writer)) for writer in range(3)]
    while not all(thread.done() for thread in threads):
        log.info("turned")
        await asyncio.sleep(0.001)
    lines = [json.loads(line) for line in "".join(written.texts).splitlines()]
    counted = [(line["writer"], line["number"]) for line in lines if line["event"] == "counted"]
    assert sorted(counted) == [(writer, number) for writer in range(3) for number in range(20)]


ENDING = """
import asyncio, os, sys
import structlog
from cathouse.configuration import EnvironmentSettings
from cathouse.web.observing.logs import configure_logs

configure_logs(EnvironmentSettings(environment="development"), "auth")
log = structlog.get_logger("test")

async def main():
    log.info("last words")
    {ending}

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "ending", ["return", "sys.exit(3)", "raise KeyboardInterrupt", "log.error('dying'); os._exit(9)"]
)
def test_a_process_that_ends_has_written_its_last_line(ending: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDING.replace("{ending}", ending)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "last words" in ended.stderr
