"""The whole of Cat House on one machine: database, migrations, roles, seed, four services, the demo cat."""

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cathouse.configuration import ConfigurationError
from cathouse.local.databases import Databases, Progress, embedded_databases, named_databases, seed_if_ours
from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.postgres_programs import PostgresError
from cathouse.local.processes import (
    Child,
    ProcessError,
    end_leftovers,
    first_ended,
    plain_environment,
    start,
    stop,
    wait_until_ready,
)
from cathouse.local.settings import HOST, StackSettings, service_environment
from cathouse.local.state import LocalState
from cathouse.web import SERVICES, ServiceName


class StackError(Exception):
    """The stack cannot run; the message is one line."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running Cat House."""

    children: tuple[Child, ...]
    databases: Databases
    urls: Mapping[str, str]
    server: EmbeddedPostgres | None
    mails: Path | None
    """The folder that mails are written to; None where a mail server is set."""

    def check(self) -> None:
        """Make sure that everything still runs.

        Raises:
            StackError: when a process has ended.
        """
        ended = first_ended(self.children)
        if ended is not None:
            raise StackError(
                f"{ended.name} ended ({ended.ending}), so everything is stopped; what it said last: {ended.last_line()}"
                f" (see {ended.log})"
            )
        if self.server is not None and self.server.has_ended():
            raise StackError(f"the embedded Postgres ended (see {self.server.folder}/postgres.log)")


@contextmanager
def run_stack(checkout: Path, settings: StackSettings, progress: Progress) -> Iterator[Stack]:
    """Bring everything up, hand it over, and take everything down again, whatever happens in between.

    Raises:
        StackError: when something cannot be brought up; what was started is stopped again.
    """
    if settings.is_production:
        raise StackError("`make up` is for development: ENVIRONMENT=production is for real deployments (docs/)")
    state = LocalState(checkout)
    with alone(state):
        leftovers = end_leftovers(state.processes())
        state.keep_processes({})
        if leftovers:
            progress(f"ended {leftovers} processes that an earlier run left behind")
        _check_ports(settings.ports())
        server: EmbeddedPostgres | None = None
        children: list[Child] = []
        try:
            if settings.wants_own_database and not state.keeps_database_url(settings.database_url):
                databases = named_databases(settings, progress)
            else:
                progress("starting the embedded Postgres")
                server = EmbeddedPostgres(state.postgres, password=state.secret("POSTGRES_PASSWORD"))
                server.start(state.number("POSTGRES_PORT"))
                state.keep_number("POSTGRES_PORT", server.port)
                databases = embedded_databases(server, state, progress)
                state.keep_database_url(databases.migration)
            demo_cat_url = f"http://{HOST}:{settings.demo_cat_port}"
            seed_if_ours(settings, databases.migration, demo_cat_url, progress)
            platform_secret = settings.platform_secret or state.secret("PLATFORM_SECRET")
            jwt_secret = settings.jwt_secret or state.secret("JWT_SECRET")
            progress("starting the four services and the demo cat")
            for service in SERVICES:
                environment = service_environment(
                    service,
                    settings,
                    databases.services[service],
                    jwt_secret=jwt_secret,
                    platform_secret=platform_secret,
                    mails=state.mails,
                )
                children.append(_start_service(service, settings.port(service), environment, state.logs))
            children.append(_start_demo_cat(settings.demo_cat_port, platform_secret, state.logs))
            state.keep_processes({child.process.pid: child.created for child in children})
            wait_until_ready(children)
            urls = {name: f"http://{HOST}:{settings.port(name)}" for name in SERVICES} | {"demo-cat": demo_cat_url}
            mails = state.mails if settings.mail_url is None else None
            yield Stack(tuple(children), databases, urls, server, mails)
        except (PostgresError, ProcessError, ConfigurationError) as error:
            raise StackError(str(error)) from error
        finally:
            stop(children)
            state.keep_processes({})
            if server is not None and server.is_running():
                server.stop()


@contextmanager
def alone(state: LocalState) -> Iterator[None]:
    """Hold the checkout's lock.

    Raises:
        StackError: when another run has it.
    """
    state.folder.mkdir(parents=True, exist_ok=True)
    with (state.folder / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise StackError(
                f"Cat House runs here already (process {lock.read().strip() or 'unknown'});"
                " `make status` says where, Ctrl-C in its terminal stops it"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _check_ports(ports: Mapping[str, int]) -> None:
    for variable, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise StackError(f"port {port} is taken by another program; set {variable} to a free one") from None


def _start_service(service: ServiceName, port: int, environment: Mapping[str, str], logs: Path) -> Child:
    return start(
        f"{service}-service",
        ("-m", f"{service}_service"),
        environment,
        ready_url=f"http://{HOST}:{port}/health/ready",
        log=logs / f"{service}.log",
    )


def _start_demo_cat(port: int, platform_secret: str, logs: Path) -> Child:
    environment = plain_environment() | {"PLATFORM_SECRET": platform_secret, "DEMO_CAT_PORT": str(port)}
    return start(
        "the demo cat",
        ("-m", "cathouse.cli", "demo-cat"),
        environment,
        ready_url=f"http://{HOST}:{port}/",
        log=logs / "demo-cat.log",
    )
