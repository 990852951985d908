"""A service whose configuration is missing or wrong refuses to start, with one line that says which variable."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cathouse.configuration import load
from cathouse.database import DatabaseUrl, MigrationSettings
from cathouse.identity import USED_BY, derive, parse_roots
from cathouse.local.processes import plain_environment, start, stop, wait_until_ready
from cathouse.web import ServiceName
from tests.fixtures.server import role_url
from tests.fixtures.starting import ROOT, WORKING, run

PRODUCTION = {
    "ENVIRONMENT": "production",
    "TOKEN_ISSUER": "https://auth.example.com",
    "METRICS_TOKEN": "0123456789abcdefghijklmnopqrstuvwxyz",
    "JWT_SECRET": WORKING["JWT_SECRET"],
    "PUBLIC_PROXY_URL": "https://proxy.example.com",
    "PUBLIC_INSTALLATION_URL": "https://installation.example.com",
}


@pytest.mark.parametrize(
    ("service", "changes", "line"),
    [
        ("auth", {"JWT_SECRET": ""}, "JWT_SECRET is not set: wraps the signing keys"),
        ("auth", {"JWT_SECRET": "short"}, "JWT_SECRET: expected at least 32 characters"),
        ("auth", {"JWT_SECRET": "change-me-change-me-change-me-change-me"}, "JWT_SECRET: this is a placeholder"),
        ("auth", {"DATABASE_URL": ""}, "DATABASE_URL is not set: expected postgresql://"),
        ("catalog", {"DATABASE_URL": "mysql://me:hush@host/cats"}, "DATABASE_URL: expected a URL that begins with"),
        ("catalog", {"PLATFORM_SECRET": ""}, "PLATFORM_SECRET is not set"),
        ("catalog", {"CATALOG_PORT": "http"}, "CATALOG_PORT: Input should be a valid integer"),
        ("installation", {"DB_POOL_SIZE": "7"}, "the services together would open"),
        ("installation", {"ENVIRONMENT": "staging"}, "ENVIRONMENT: Input should be 'development' or 'production'"),
        ("proxy", {"CORS_ORIGINS": "*"}, "CORS_ORIGINS: name each origin"),
        ("proxy", {"CORS_ORIGINS": "https://a.example,b.example"}, "CORS_ORIGINS: entry 2: expected https://HOST"),
        ("auth", {"TRUSTED_PROXIES": "*"}, "TRUSTED_PROXIES: name each proxy or its network; with everybody trusted"),
        ("catalog", {"TRUSTED_PROXIES": "10.0.0.5,0.0.0.0/0"}, "TRUSTED_PROXIES: name each proxy or its network"),
        ("proxy", {"TRUSTED_PROXIES": "10.0.0.5,nginx"}, "TRUSTED_PROXIES: entry 2: expected an IP address (10.0.0.5)"),
        ("installation", {"TRUSTED_PROXIES": "10.0.0.5/8"}, "TRUSTED_PROXIES: entry 1: expected an IP address"),
        ("auth", {"LIMIT_LOGINS": "many"}, "LIMIT_LOGINS: expected COUNT/second, COUNT/minute"),
        ("auth", {"LIMIT_LOGINS": "0/minute"}, "LIMIT_LOGINS: expected COUNT/second"),
        ("auth", {"LIMIT_MAILS": "5 per fortnight"}, "LIMIT_MAILS: expected COUNT/second"),
        ("auth", {"LIMIT_MAILS": "5/minute,6/hour"}, "LIMIT_MAILS: expected COUNT/second"),
        ("auth", {"LIMIT_MAILS": "20000/day"}, "LIMIT_MAILS: expected at most 10000 calls a window"),
        ("proxy", {"ENVIRONMENT": "production"}, "TOKEN_ISSUER is not set"),
        ("proxy", {"DATABASE_URL_FILE": "/no/such/file", "DATABASE_URL": ""}, "DATABASE_URL_FILE: /no/such/file"),
    ],
)
def test_one_line_names_the_variable_and_what_is_expected(
    tmp_path: Path, service: str, changes: dict[str, str], line: str
) -> None:
    ended = run(service, tmp_path, **{**WORKING, **changes})
    assert ended.returncode == 2
    assert line in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert "hush" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("with_keys", [True, False])
@pytest.mark.parametrize("service", ["auth", "proxy"])
def test_production_refuses_the_root_in_a_services_environment(
    tmp_path: Path, service: str, *, with_keys: bool
) -> None:
    uses = USED_BY[service] if with_keys else ()
    keys = {use.value.upper(): derive(parse_roots(ROOT), use).text() for use in uses}
    refused = run(service, tmp_path, **{**WORKING, **PRODUCTION, **keys})
    assert refused.returncode == 2
    assert "PLATFORM_SECRET must not be given to a service in production" in refused.stderr


def test_a_database_that_is_away_is_one_line_and_another_status(tmp_path: Path) -> None:
    ended = run("auth", tmp_path, **WORKING)
    assert ended.returncode == 3
    assert "cannot connect to the database me@127.0.0.1:1/cats" in ended.stderr
    assert "hush" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short\n")
    ended = run("auth", tmp_path, **{**WORKING, "JWT_SECRET": "", "JWT_SECRET_FILE": str(tmp_path / "secret")})
    assert "JWT_SECRET: expected at least 32 characters" in ended.stderr


def test_a_secret_file_that_is_no_text_is_named_and_nothing_of_it_is_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"a-secret-in-latin-1-\xe9-and-more-of-it-after-that")
    ended = run("auth", tmp_path, **{**WORKING, "JWT_SECRET": "", "JWT_SECRET_FILE": str(secret)})
    assert ended.returncode == 2
    assert f"JWT_SECRET_FILE: {secret}: it is not text (UTF-8)" in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert "xe9" not in ended.stderr


def test_migrations_do_not_look_at_the_file_of_the_services_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL_FILE", "/no/such/file")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgresql://owner:word@host/cats")
    assert load(MigrationSettings).url().user == "owner"


def test_keys_are_printed_for_one_service_and_nothing_else(tmp_path: Path) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "cathouse.cli", "keys", "env", "proxy"],
        env=plain_environment() | {"PLATFORM_SECRET": ROOT},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    names = {line.split("=")[0] for line in printed.splitlines()}
    assert names == {use.value.upper() for use in USED_BY["proxy"]}
    assert ROOT.split(":")[1] not in printed


@pytest.mark.parametrize("service", USED_BY)
def test_production_starts_with_its_own_keys_and_nothing_more(
    tmp_path: Path, service: ServiceName, worker_database: DatabaseUrl
) -> None:
    keys = {use.value.upper(): derive(parse_roots(ROOT), use).text() for use in USED_BY[service]}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = role_url(service, worker_database)
    environment = plain_environment() | PRODUCTION | keys
    environment |= {f"{service.upper()}_PORT": str(port), "DATABASE_URL": database.for_libpq()}
    url = f"http://127.0.0.1:{port}"
    log = tmp_path / "log"
    child = start(service, ("-m", f"{service}_service"), environment, ready_url=f"{url}/health/ready", log=log)
    try:
        wait_until_ready([child])
        refused = httpx.get(f"{url}/metrics", trust_env=False)
        assert refused.status_code == 401
        headers = {"Authorization": f"Bearer {PRODUCTION['METRICS_TOKEN']}"}
        assert httpx.get(f"{url}/metrics", headers=headers, trust_env=False).status_code == 200
        alive = httpx.get(f"{url}/health", headers={"Origin": "http://localhost:3000"}, trust_env=False)
        assert "access-control-allow-origin" not in alive.headers
        assert "max-age" in alive.headers["strict-transport-security"]
    finally:
        stop([child])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(line["event"] == "service.start" and line["service"] == service for line in lines)
    assert database.password is not None
    assert database.password not in log.read_text()
