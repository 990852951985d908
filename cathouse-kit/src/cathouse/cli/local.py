"""Commands for development: ``up``, ``status``, ``demo``, ``reset``, ``demo-cat``, ``db seed``."""

import os
import shutil
import signal
import sys
import time
from types import FrameType
from typing import Annotated

import httpx
import typer
import uvicorn
from pydantic import HttpUrl, SecretStr
from rich.console import Console
from rich.table import Table

from cathouse.cli import database
from cathouse.cli.ending import fail
from cathouse.cli.env_file import misspelt
from cathouse.configuration import ConfigurationError, EnvironmentSettings, env_files, load
from cathouse.database import MigrationSettings
from cathouse.database.engine import make_migration_engine
from cathouse.local.databases import NOT_SEEDED, may_seed
from cathouse.local.demo_cat import make_demo_cat, seeded_secrets
from cathouse.local.journey import Journey, JourneyError
from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.postgres_programs import PostgresError
from cathouse.local.seed import seed
from cathouse.local.seed_data import USERS
from cathouse.local.settings import StackSettings
from cathouse.local.stack import Stack, StackError, alone, run_stack
from cathouse.local.state import LocalState, find_checkout
from cathouse.tls import client_tls
from cathouse.web import SERVICES

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

console = Console(highlight=False, soft_wrap=True)


class DemoSettings(EnvironmentSettings):
    """Where the services answer that the demo talks to; by default where ``make up`` puts them."""

    auth_url: HttpUrl | None = None
    catalog_url: HttpUrl | None = None
    installation_url: HttpUrl | None = None
    proxy_url: HttpUrl | None = None

    def urls(self) -> dict[str, str]:
        """The base URLs by service."""
        ports = load(StackSettings)
        return {
            service: str(getattr(self, f"{service}_url") or f"http://127.0.0.1:{ports.port(service)}")
            for service in SERVICES
        }


class DemoCatSettings(EnvironmentSettings):
    """What the demo cat's process reads."""

    platform_secret: SecretStr
    demo_cat_port: int = 8010


def add_to(app: typer.Typer) -> None:
    """Join the root command."""
    app.command("up")(up)
    app.command("status")(status)
    app.command("demo")(demo)
    app.command("reset")(reset)
    app.command("demo-cat", hidden=True)(demo_cat)
    database.app.command("seed")(seed_database)


def up() -> None:
    """Run everything on this machine until Ctrl-C: database, migrations, seed, four services, the demo cat."""
    started = time.monotonic()
    for each in _ENDING:
        signal.signal(each, _interrupt)
    try:
        checkout = find_checkout()
        for file in env_files():
            for line in misspelt(file, checkout / ".env.example"):
                _say(line)
        with run_stack(checkout, load(StackSettings), _say) as stack:
            _print_addresses(stack, time.monotonic() - started)
            while True:
                time.sleep(0.5)
                stack.check()
    except KeyboardInterrupt:
        console.print("stopped")
    except StackError as error:
        fail(str(error), status=1)


def status() -> None:
    """Say which services answer."""
    healthy = True
    with httpx.Client(timeout=2.0, trust_env=False, verify=client_tls()) as http:
        for service, url in load(DemoSettings).urls().items():
            try:
                answer = http.get(f"{url.rstrip('/')}/api/v1/health").json()["data"]
                line = f"{answer['status']}, database {answer['database']}, migrations {answer['migration']}"
                healthy &= answer["status"] == "healthy"
            except (httpx.HTTPError, ValueError, KeyError):
                line, healthy = "does not answer", False
            console.print(f"{service:<14}{url:<28}{line}")
    sys.exit(0 if healthy else 1)


def demo() -> None:
    """Walk the whole journey against the running services; the exit status tells whether it went well."""
    started = time.monotonic()
    try:
        Journey(load(DemoSettings).urls(), lambda step: console.print(f"[green]ok[/green]  {step}")).walk()
    except JourneyError as error:
        fail(f"failed: {error}", status=1)
    console.print(f"the whole journey in {time.monotonic() - started:.1f} s")


def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove the local database, its data and the generated secrets."""
    state = LocalState(find_checkout())
    if not yes:
        typer.confirm("Remove the local database with all its data?", abort=True)
    try:
        with alone(state):
            _remove_database(state)
            shutil.rmtree(state.folder, ignore_errors=True)
    except StackError as error:
        fail(f"{error}; stop it first", status=1)
    console.print("removed")


def _remove_database(state: LocalState) -> None:
    try:
        EmbeddedPostgres(state.postgres, password="").remove()
    except (ConfigurationError, PostgresError) as error:
        console.print(f"{error}; going on without it", markup=False)


def demo_cat() -> None:
    """Answer for the seeded cats: what their developer's own server would be."""
    settings = load(DemoCatSettings)
    app = make_demo_cat(seeded_secrets(settings.platform_secret.get_secret_value()))
    uvicorn.run(app, host="127.0.0.1", port=settings.demo_cat_port, log_level="warning", ws="none")


def seed_database() -> None:
    """Write the development seed: accounts with public passwords, cats, tasks. What is there stays."""
    settings = load(StackSettings)
    url = load(MigrationSettings).url()
    if not may_seed(settings, url):
        raise ConfigurationError(NOT_SEEDED)
    demo_cat_url = f"http://127.0.0.1:{settings.demo_cat_port}"
    new = seed(make_migration_engine(url), demo_cat_url=demo_cat_url, environment=settings.environment)
    console.print(f"seeded {new.users} accounts, {new.cats} cats, {new.tasks} tasks; what was there stayed")


def _say(step: str) -> None:
    console.print(f"[dim]·[/dim] {step}")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # Once is enough: a second Ctrl-C must not cut short what stops everything.
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _print_addresses(stack: Stack, seconds: float) -> None:
    table = Table(title=f"Cat House is up ({seconds:.1f} s)", title_justify="left", show_edge=False)
    for heading in ("service", "address", "documentation"):
        table.add_column(heading, no_wrap=True)
    for name, url in stack.urls.items():
        table.add_row(name, url, f"{url}/docs" if name in SERVICES else "")
    console.print(table)
    accounts = Table(title="accounts", title_justify="left", show_edge=False)
    for heading in ("e-mail", "password", "role"):
        accounts.add_column(heading, no_wrap=True)
    for user in USERS:
        accounts.add_row(user.email, user.password, user.role)
    console.print(accounts)
    database_url = stack.databases.migration
    mails = "sent by MAIL_URL's server" if stack.mails is None else os.path.relpath(stack.mails)
    logs = os.path.relpath(stack.children[0].log.parent)
    console.print(f"database: {database_url!r}   logs: {logs}   mails: {mails}")
    if stack.server is not None:
        console.print("for `cathouse db …` and alembic in a shell: set -a; . .cathouse/database.env; set +a")
    console.print("try it: cathouse demo (make demo)   stop: Ctrl-C")
