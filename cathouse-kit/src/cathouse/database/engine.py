"""Making engines: the asynchronous one of a service, and the synchronous one of migrations and commands."""

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from cathouse.database.budget import Share
from cathouse.database.urls import DatabaseUrl, Pooler

if TYPE_CHECKING:
    from sqlalchemy import Engine

PING_AFTER = 1.0
"""Seconds of idleness after which a connection is asked before it is trusted (a ping each time cost half the speed)."""

CONNECT_TIMEOUT = 4.0
"""Seconds; well under the retry's deadline, so that one attempt which hangs does not use it up."""

COMMAND_TIMEOUT = 60.0
PING_TIMEOUT = 2.0


def make_engine(
    url: DatabaseUrl, *, pooler: Pooler, application_name: str, share: Share, recycle: int, echo: bool
) -> AsyncEngine:
    """An engine of at most ``share.total`` connections that are dropped after ``recycle`` seconds.

    Through a transaction pooler nothing may be prepared and no start-up parameter but the application's name gets
    through (``jit`` as one: every connection refused), so there ``jit`` is off by ALTER ROLE (``cathouse db roles``).
    """
    direct = pooler == "none"
    server_settings = {"application_name": application_name}
    if direct:
        server_settings["jit"] = "off"
    connect_args: dict[str, Any] = {
        "ssl": url.asyncpg_ssl(),
        "timeout": CONNECT_TIMEOUT,
        "command_timeout": COMMAND_TIMEOUT,
        "server_settings": server_settings,
    }
    if not direct:
        connect_args |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        connect_args["prepared_statement_name_func"] = lambda: ""
    engine = create_async_engine(
        url.for_asyncpg(),
        pool_size=share.size,
        max_overflow=share.overflow,
        pool_recycle=recycle,
        pool_use_lifo=True,
        echo=echo,
        hide_parameters=True,
        connect_args=connect_args,
    )
    _ping_the_idle(engine)
    return engine


def make_migration_engine(url: DatabaseUrl, *, lock_timeout_s: int = 5, statement_timeout_s: int = 60) -> "Engine":
    """A synchronous engine without a pool; nothing that it sends waits longer for a lock than ``lock_timeout_s``."""
    # The path is fixed: a role that is called like our schema would otherwise find it as its own default.
    options = f"-c search_path=public -c lock_timeout={lock_timeout_s}s -c statement_timeout={statement_timeout_s}s"
    return create_engine(
        url.for_psycopg2(),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            "options": options,
            "application_name": "cathouse-migrate",
            "connect_timeout": int(CONNECT_TIMEOUT),
        },
    )


def _ping_the_idle(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "checkin")
    def remember(_connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's pool event
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: Any) -> None:  # noqa: ANN401 - SQLAlchemy's pool event
        idle_since = record.info.get("idle_since")
        if idle_since is None or time.monotonic() - idle_since < PING_AFTER:
            return
        try:
            # An empty simple query: one round trip, and it needs no prepared statement.
            await_only(connection.driver_connection.execute("", timeout=PING_TIMEOUT))
        except Exception as error:
            # Whatever broke it: the pool drops the connection and makes a new one.
            raise DisconnectionError("the idle connection is gone") from error
