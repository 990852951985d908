"""The commands encrypt and verify as their URL says, and say so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.commands import Command
from tests.fixtures.tls import PASSWORD, TlsServer, tls_server


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    with tls_server() as running:
        yield running


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("require", "server not verified"),
        ("verify-ca", "certificate verified, name not"),
        ("verify-full", "certificate and name verified"),
    ],
)
def test_the_check_says_how_far_a_connection_is_verified(
    command: Command, server: TlsServer, monkeypatch: pytest.MonkeyPatch, mode: str, said: str
) -> None:
    monkeypatch.setenv("AUTH_DATABASE_URL", server.url(sslmode=mode, sslrootcert=str(server.authority)))
    assert ["TLS", "TLSv1.3,", *said.split()] in command("db", "check", "auth").words


def test_a_server_that_cannot_prove_itself_fails_the_check(
    command: Command, server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH_DATABASE_URL", server.url(sslmode="verify-full", sslrootcert=str(server.stranger)))
    outcome = command("db", "check", "auth")
    assert outcome.status == 1
    assert "certificate cannot be verified" in outcome.out
    assert PASSWORD not in outcome.out + outcome.err


def test_a_backup_verifies_the_server(
    command: Command, server: TlsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "cats.dump"
    for authority, status in ((server.stranger, 2), (server.authority, 0)):
        url = server.url(sslmode="verify-full", sslrootcert=str(authority))
        monkeypatch.setenv("MIGRATION_DATABASE_URL", url)
        made = command("db", "sql", "--write", "CREATE SCHEMA cathouse", "CREATE TABLE cathouse.jar (id int)")
        outcome = command("db", "backup", str(file))
        assert (made.status, outcome.status) == (status, status)
        assert file.exists() == (status == 0)
        assert PASSWORD not in outcome.out + outcome.err
