"""What a service loads until it is ready: nothing of the command line, of tests, or for what seldom happens."""

import re
from pathlib import Path

import pytest

from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment, start, stop, wait_until_ready
from cathouse.web import SERVICES
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET
from tests.fixtures.ports import free_port
from tests.fixtures.server import role_url

NOT_AT_START = {
    "aiohttp",
    "alembic",
    "google.protobuf",
    "hypothesis",
    "jinja2",
    "jsonschema",
    "mako",
    "numpy",
    "opentelemetry.sdk",
    "psycopg2",
    "pydantic.v1",
    "pygments",
    "pytest",
    "rapidfuzz",
    "redis",
    "requests",
    "rich",
    "trio",
    "typer",
    "wordllama",
    "zxcvbn",
}

_LOADED = re.compile(r"^import '([\w.]+)' # ", re.MULTILINE)


def loaded_until_ready(service: str, database: DatabaseUrl, log: Path) -> set[str]:
    """The modules that Python says it loads, of the process as it is deployed."""
    port = free_port()
    environment = plain_environment() | {
        f"{service.upper()}_PORT": str(port),
        "DATABASE_URL": role_url(service, database).for_libpq(),
        "JWT_SECRET": JWT_SECRET,
        "PLATFORM_SECRET": PLATFORM_SECRET,
        "MAIL_FOLDER": str(log.parent),
    }
    arguments = ("-v", "-m", f"{service}_service")
    ready_url = f"http://127.0.0.1:{port}/health/ready"
    child = start(f"{service}-service", arguments, environment, ready_url=ready_url, log=log)
    try:
        wait_until_ready([child])
    finally:
        stop([child])
    return set(_LOADED.findall(log.read_text()))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_loads_nothing_that_it_does_not_serve_with(
    service: str, clean_db: DatabaseUrl, tmp_path: Path
) -> None:
    loaded = loaded_until_ready(service, clean_db, tmp_path / "log")
    assert {f"{service}_service.main", "httpcore", "sqlalchemy.orm"} <= loaded
    assert loaded & NOT_AT_START == set()
