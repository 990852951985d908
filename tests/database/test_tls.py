"""TLS to a real server with its own authority: who is let through, who is refused, and what is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cathouse.database import Database, DatabaseSettings, DatabaseUnavailableError, DatabaseUrl
from cathouse.database.engine import make_migration_engine
from tests.fixtures.tls import PASSWORD, TlsServer, tls_server

SSL_IN_USE = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    with tls_server() as running:
        yield running


async def connect(url: str) -> bool:
    """Whether the connection of a service is encrypted.

    Raises:
        DatabaseUnavailableError: when there is none.
    """
    database = Database.from_settings(DatabaseSettings(_env_file=None, database_url=SecretStr(url)), "auth")
    try:
        await database.open(attempts=1)
        return bool(await database.read(lambda session: session.scalar(SSL_IN_USE)))
    finally:
        await database.close()


def connect_to_migrate(url: DatabaseUrl) -> bool:
    with make_migration_engine(url).connect() as connection:
        return bool(connection.scalar(SSL_IN_USE))


async def test_the_right_authority_and_the_right_name_are_let_through(server: TlsServer) -> None:
    query = {"sslmode": "verify-full", "sslrootcert": str(server.authority)}
    assert await connect(server.url(**query))
    assert connect_to_migrate(server.parsed(**query))


async def test_neon_s_channel_binding_works_for_migrations_and_does_not_hinder_services(server: TlsServer) -> None:
    query = {"sslmode": "verify-full", "sslrootcert": str(server.authority), "channel_binding": "require"}
    assert await connect(server.url(**query))
    assert connect_to_migrate(server.parsed(**query))


@pytest.mark.parametrize("sslmode", ["verify-full", "verify-ca"])
async def test_another_authority_is_refused_and_the_way_out_is_said(server: TlsServer, sslmode: str) -> None:
    query = {"sslmode": sslmode, "sslrootcert": str(server.stranger)}
    with pytest.raises(
        DatabaseUnavailableError, match=r"certificate cannot be verified .* sslrootcert=FILE"
    ) as failure:
        await connect(server.url(**query))
    assert PASSWORD not in str(failure.value)
    with pytest.raises(OperationalError, match="certificate verify failed"):
        connect_to_migrate(server.parsed(**query))


async def test_the_public_authorities_do_not_vouch_for_it(server: TlsServer) -> None:
    with pytest.raises(DatabaseUnavailableError, match="certificate cannot be verified"):
        await connect(server.url(sslmode="verify-full"))
    with pytest.raises(OperationalError, match="certificate verify failed"):
        connect_to_migrate(server.parsed(sslmode="verify-full"))


async def test_another_name_is_refused_and_the_way_out_is_said(server: TlsServer) -> None:
    query = {"host": "127.0.0.1", "sslmode": "verify-full", "sslrootcert": str(server.authority)}
    with pytest.raises(DatabaseUnavailableError, match=r"IP address mismatch.* check that the host is the name"):
        await connect(server.url(**query))
    with pytest.raises(OperationalError, match="does not match host name"):
        connect_to_migrate(server.parsed(**query))


async def test_verify_ca_looks_at_the_authority_alone(server: TlsServer) -> None:
    query = {"host": "127.0.0.1", "sslmode": "verify-ca", "sslrootcert": str(server.authority)}
    assert await connect(server.url(**query))
    assert connect_to_migrate(server.parsed(**query))


@pytest.mark.parametrize("sslmode", ["require", "prefer"])
async def test_require_and_prefer_encrypt_and_verify_nothing(server: TlsServer, sslmode: str) -> None:
    assert await connect(server.url(sslmode=sslmode))
    assert connect_to_migrate(server.parsed(sslmode=sslmode))


async def test_a_server_that_wants_tls_says_so_to_who_comes_without(server: TlsServer) -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"no encryption: .*wants TLS \(sslmode\)"):
        await connect(server.url(sslmode="disable"))


def test_a_file_without_a_certificate_is_named(server: TlsServer, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    url = server.parsed(sslmode="verify-full", sslrootcert=str(empty))
    with pytest.raises(ValueError, match=r"empty\.pem holds no certificate"):
        url.asyncpg_ssl()
