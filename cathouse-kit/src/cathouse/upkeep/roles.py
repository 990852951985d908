"""Login roles: one a service, member of the group role that holds its grants.

Each gets its own password, a CONNECTION LIMIT, and on the role what a pooler would not let through as a start-up
parameter. The limit is the share plus two: equal to the share it locks a service out after a cut, while the dead
backends linger (measured: design/database.md).
"""

import secrets
from collections.abc import Mapping

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from cathouse.configuration import ConfigurationError
from cathouse.database.budget import SHARES, Share
from cathouse.database.urls import DatabaseUrl
from cathouse.schema.ownership import role
from cathouse.upkeep.direct import connect, reason

SPARE_CONNECTIONS = 2

_UNDEFINED = "42704"

_ROLE_SETTINGS = {
    "jit": "off",
    "idle_in_transaction_session_timeout": "30s",
    "client_connection_check_interval": "5s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # Filtered vector search wants it: without it 4.6 of 10 rows came back (measured).
    "hnsw.iterative_scan": "relaxed_order",
}


def make_login_roles(
    url: DatabaseUrl,
    *,
    replicas: int = 1,
    shares: Mapping[str, Share] = SHARES,
    passwords: Mapping[str, str] | None = None,
) -> dict[str, DatabaseUrl]:
    """Make or renew the login role of every service in the database of ``url``, and return each one's URL.

    ``passwords`` keeps known ones; without it every role gets a fresh password. A role's limit is its share of
    ``shares``, and two more, for each of ``replicas`` processes.

    Raises:
        ConfigurationError: when the group roles are missing (the migrations make them), or ``url``'s role may not.
    """
    urls: dict[str, DatabaseUrl] = {}
    try:
        with connect(url) as connection, connection.begin():
            _know_the_settings(connection)
            for service, share in shares.items():
                password = (passwords or {}).get(service) or secrets.token_urlsafe(24)
                login = url.replace(user=f"{role(service)}_login", password=password)
                limit = (share.total + SPARE_CONNECTIONS) * replicas
                _make_login_role(connection, login, group=role(service), limit=limit)
                urls[service] = login
    except psycopg2.Error as error:
        advice = ": run the migrations first (cathouse db upgrade)" if error.pgcode == _UNDEFINED else ""
        raise ConfigurationError(f"the login roles cannot be made: {reason(error)}{advice}") from None
    return urls


def _know_the_settings(connection: Connection) -> None:
    """Load pgvector into this session: only then may an owner who is no superuser set what belongs to it."""
    cursor = connection.connection.cursor()
    cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
    if cursor.fetchone():
        cursor.execute("SELECT CAST('[1]' AS vector)")


def _make_login_role(connection: Connection, login: DatabaseUrl, *, group: str, limit: int) -> None:
    cursor = connection.connection.cursor()
    name = sql.Identifier(login.user)
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login.user,))
    # Only a superuser may take what a new role does not have anyway.
    verb = "ALTER ROLE {} LOGIN" if cursor.fetchone() else "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE"
    cursor.execute(
        sql.SQL(f"{verb} CONNECTION LIMIT {{}} PASSWORD {{}}").format(
            name, sql.Literal(limit), sql.Literal(login.password)
        )
    )
    cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))
    for setting, value in _ROLE_SETTINGS.items():
        # A dotted setting belongs to an extension and is quoted part by part.
        quoted = sql.SQL(".").join(sql.Identifier(part) for part in setting.split("."))
        cursor.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
                name, sql.Identifier(login.name), quoted, sql.Literal(value)
            )
        )
