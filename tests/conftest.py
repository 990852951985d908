"""One Postgres for the whole run; see tests/fixtures."""

import gc
import os

import pytest
import structlog

from auth_service.accounts import passwords
from tests.fixtures.server import TestServer

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.commands",
    "tests.fixtures.database",
    "tests.fixtures.figures",
    "tests.fixtures.history",
    "tests.fixtures.house",
    "tests.fixtures.logs",
    "tests.fixtures.own_server",
    "tests.fixtures.redis_server",
    "tests.fixtures.smtp",
    "tests.fixtures.catalog",  # these import from those before them, and are to be imported after them
    "tests.fixtures.mails",
]

_server = TestServer()


def pytest_configure(config: pytest.Config) -> None:
    """Bring the server up before the workers start; a service's unexpected error is told as the services tell it."""
    # structlog's own way, with the variables of every frame, is three thousand lines before the error's name.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        _server.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take it down, also after a failure or Ctrl-C."""
    if not hasattr(config, "workerinput"):
        _server.stop()


def pytest_collection_finish() -> None:
    """Let garbage collections pass over the imported modules and the collected tests, which stay for the whole run.

    Half a million objects: looking through them again and again was a third of a test's processor time. A scene leaves
    some ten thousand, so that collections may be rarer as well.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are processors: every third second of a test is a wait."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The services run on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _light_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where passwords are not the subject they are hashed by the same algorithm with little work.

    A scene registers two or three people and logs them in, six hashes: at full strength that is 0.13 s of a processor.
    """
    if request.node.get_closest_marker("full_hashes") is None:
        monkeypatch.setattr(passwords, "ITERATIONS", 1)
        monkeypatch.setattr(passwords, "MEMORY_KIB", 64)
