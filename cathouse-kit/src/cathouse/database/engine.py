"""Making engines: the asynchronous one of a service, and the synchronous one of migrations and commands."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog
from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from cathouse.database.budget import Share
from cathouse.database.urls import DatabaseUrl, Pooler
from cathouse.database.usage import current_usage

if TYPE_CHECKING:
    from sqlalchemy import Engine

    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection  # generic to type checkers only

PING_AFTER = 1.0
"""Seconds of idleness after which a connection is asked before it is trusted (a ping each time cost half the speed)."""

CONNECT_TIMEOUT = 4.0
"""Seconds; well under the retry's deadline, so that one attempt which hangs does not use it up."""

PING_TIMEOUT = 2.0

SILENCE_TIMEOUT_MS = 10_000
"""How long a server may leave our bytes unacknowledged, before the kernel breaks the connection (Linux)."""

# A server that vanished while we wait for its answer is noticed after 10 + 3 seconds: on Linux TCP_USER_TIMEOUT
# decides, not the number of probes (tcp(7)); elsewhere after 10 + 3 * 3.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": SILENCE_TIMEOUT_MS}

_logger = structlog.get_logger(__name__)


class _WatchedConnection(_Connection):
    """A connection whose socket notices that the network has swallowed the other side."""

    def __init__(
        self,
        protocol: Any,  # noqa: ANN401 - asyncpg's own
        transport: asyncio.Transport,
        *rest: Any,  # noqa: ANN401 - asyncpg's own
    ) -> None:
        super().__init__(protocol, transport, *rest)
        sock = transport.get_extra_info("socket")
        if sock is None or sock.family == getattr(socket, "AF_UNIX", None):
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def make_engine(
    url: DatabaseUrl,
    *,
    pooler: Pooler,
    application_name: str,
    share: Share,
    recycle: int,
    command_timeout: float,
    password: Callable[[], str | None] | None = None,
) -> AsyncEngine:
    """An engine of at most ``share.total`` connections that are dropped after ``recycle`` seconds.

    Through a transaction pooler nothing may be prepared and no start-up parameter but the application's name gets
    through (``jit`` as one: every connection refused), so there ``jit`` is off by ALTER ROLE (``cathouse db roles``).
    A statement that takes longer than ``command_timeout`` seconds costs its connection. ``password`` is asked for each
    new connection: it may have been rotated.
    """
    direct = pooler == "none"
    server_settings = {"application_name": application_name}
    if direct:
        server_settings["jit"] = "off"
    connect_args: dict[str, Any] = {
        "ssl": url.asyncpg_ssl(),
        "timeout": CONNECT_TIMEOUT,
        "command_timeout": command_timeout,
        "server_settings": server_settings,
        "connection_class": _WatchedConnection,
    }
    if password is not None:
        connect_args["password"] = password
    if not direct:
        connect_args |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        connect_args["prepared_statement_name_func"] = lambda: ""
    engine = create_async_engine(
        url.for_asyncpg(),
        pool_size=share.size,
        max_overflow=share.overflow,
        pool_recycle=recycle,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args=connect_args,
    )
    _ping_the_idle(engine)
    _leave_the_silent(engine)
    _log_connections(engine)
    _count_round_trips(engine, of_each=1 if direct else 2)
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


def _leave_the_silent(engine: AsyncEngine) -> None:
    """Give a connection up when a statement was not answered in time: rolling back would wait as long again."""

    @event.listens_for(engine.sync_engine, "handle_error")
    def leave(context: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        if isinstance(context.original_exception, TimeoutError):
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False  # one slow statement says nothing of the other connections


def _log_connections(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(_connection: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        _logger.debug("database.connected")

    @event.listens_for(engine.sync_engine, "close")
    def closed(_connection: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        _logger.debug("database.closed")

    @event.listens_for(engine.sync_engine, "invalidate")
    def dropped(_connection: Any, _record: Any, error: BaseException | None) -> None:  # noqa: ANN401 - SQLAlchemy's event
        if error is not None and not isinstance(error, asyncio.CancelledError):
            _logger.warning("database.connection_dropped", cause=type(error.__cause__ or error).__name__)


def _count_round_trips(engine: AsyncEngine, *, of_each: int) -> None:
    """Count what the current request waits for; through a transaction pooler each statement is prepared as well."""

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def count(*_: object) -> None:
        if (usage := current_usage()) is not None:
            usage.round_trips += of_each


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
            # A simple query: one round trip, and nothing is prepared. (asyncpg fails on an empty one.)
            await_only(connection.driver_connection.execute("SELECT 1", timeout=PING_TIMEOUT))
        except Exception as error:
            # Whatever broke it: the pool drops the connection and makes a new one.
            raise DisconnectionError("the idle connection is gone") from error
