"""Running a service as a process: ``python -m catalog_service``."""

import asyncio
import gc
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

import uvicorn
from fastapi import FastAPI

from cathouse.configuration import ConfigurationError, load
from cathouse.schema.ownership import ServiceName
from cathouse.web.ending import Ending
from cathouse.web.listener import Listener
from cathouse.web.observing.logs import configure_logs
from cathouse.web.settings import ServiceSettings

CONFIGURATION_EXIT = 2
STARTUP_EXIT = 3

LEAVE_S = 1.0
"""Seconds that the process may take to end once everything is closed.

A name look-up cannot be given up: its thread waits for the resolver's own time-outs (10 s by default), and both loops
wait for such threads when they are closed. Whoever stops a container kills it after 10 s.
"""

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


class Server(uvicorn.Server):
    """Tells its application's :class:`Ending` before it waits for the answers that have begun."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, as uvicorn does."""
        ending = self.lifespan.state.get("ending")
        if isinstance(ending, Ending):
            ending.begin()
        await super().shutdown(sockets)


class _Process(Server):
    """A service that has its process to itself."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and leave what was made for it alone from then on."""
        await super().startup(sockets)
        if sys.platform != "win32":
            self._take_connections()
        # A full collection looks at all that importing and building the application has left: it stops everybody for
        # more than 100 ms (measured under load: docs/performance.md), and finds nothing there.
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; from then on nothing is left that is worth waiting for."""
        await super().shutdown(sockets)
        leaving = threading.Timer(LEAVE_S, _leave)
        leaving.daemon = True
        leaving.start()

    def _take_connections(self) -> None:
        """In the place of uvloop, which takes one at a time."""
        listening = [sock.dup() for server in self.servers for sock in server.sockets]
        for server in self.servers:
            server.close()
        listeners = [Listener(sock, self._make_protocol) for sock in listening]
        self.servers = listeners  # type: ignore[assignment] # all that is asked of them: close and wait_closed

    def _make_protocol(self) -> asyncio.Protocol:
        protocol: type[asyncio.Protocol] = self.config.http_protocol_class
        return protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[call-arg] # as uvicorn does it


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def serve(service: ServiceName, settings_class: type[SettingsT], create_app: Callable[[SettingsT], FastAPI]) -> None:
    """Read the environment, serve until told to stop, and leave.

    What is wrong with the configuration goes to standard error, a line each, and the exit status is 2; a database
    that cannot be reached gives 3.
    """
    try:
        settings = load(settings_class)
        configure_logs(settings, service)
        app = create_app(settings)
    except (ConfigurationError, ValueError) as error:
        for line in str(error).splitlines():
            print(f"{service}-service cannot start: {line}", file=sys.stderr)  # noqa: T201 - before there is a log
        sys.exit(CONFIGURATION_EXIT)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port(service),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="none",
        # Which proxies may say who the client is, is configuration, not the default of a library.
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )
    server = _Process(config)
    server.run()
    if not server.started:
        sys.exit(STARTUP_EXIT)
