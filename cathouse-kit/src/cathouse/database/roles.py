"""Login roles: one a service, member of the group role that holds its grants.

Each gets its own password, a CONNECTION LIMIT, and on the role what a pooler would not let through as a start-up
parameter. The limit is the share plus two: equal to the share it locks a service out after a cut, while the dead
backends linger (measured: design/database.md).
"""

import secrets
from collections.abc import Mapping

from psycopg2 import sql
from sqlalchemy import Connection, Engine

from cathouse.database.budget import SHARES
from cathouse.database.urls import DatabaseUrl
from cathouse.schema.ownership import role

SPARE_CONNECTIONS = 2

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
    engine: Engine, url: DatabaseUrl, *, replicas: int = 1, passwords: Mapping[str, str] | None = None
) -> dict[str, DatabaseUrl]:
    """Make or renew the login role of every service in the database of ``engine``, and return each one's URL.

    ``passwords`` keeps known ones; without it every role gets a fresh password. The group roles must be there: the
    migrations make them.
    """
    urls: dict[str, DatabaseUrl] = {}
    with engine.begin() as connection:
        for service, share in SHARES.items():
            password = (passwords or {}).get(service) or secrets.token_urlsafe(24)
            login = f"{role(service)}_login"
            limit = (share.total + SPARE_CONNECTIONS) * replicas
            _make_login_role(connection, login, group=role(service), password=password, limit=limit, database=url.name)
            urls[service] = url.replace(user=login, password=password)
    return urls


def _make_login_role(
    connection: Connection, login: str, *, group: str, password: str, limit: int, database: str
) -> None:
    cursor = connection.connection.cursor()
    name = sql.Identifier(login)
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login,))
    verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
    cursor.execute(
        sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT {} PASSWORD {}").format(
            verb, name, sql.Literal(limit), sql.Literal(password)
        )
    )
    cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))
    for setting, value in _ROLE_SETTINGS.items():
        # A dotted setting belongs to an extension and is quoted part by part.
        quoted = sql.SQL(".").join(sql.Identifier(part) for part in setting.split("."))
        cursor.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
                name, sql.Identifier(database), quoted, sql.Literal(value)
            )
        )
