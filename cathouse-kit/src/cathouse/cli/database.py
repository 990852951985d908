"""``cathouse db``: looking after the database."""

from typing import Annotated

import typer
from sqlalchemy import text

from cathouse.configuration import load
from cathouse.database import MigrationSettings
from cathouse.database.engine import make_migration_engine
from cathouse.database.migration_state import CURRENT_REVISION
from cathouse.database.migrations import downgrade, upgrade
from cathouse.database.roles import make_login_roles
from cathouse.schema import HEAD_REVISION, SCHEMA

app = typer.Typer(help="Look after the database; MIGRATION_DATABASE_URL says which.", no_args_is_help=True)


@app.command("upgrade")
def upgrade_database(revision: Annotated[str, typer.Argument(help="head, or a revision")] = "head") -> None:
    """Bring the database's structure up to date."""
    url = load(MigrationSettings).url()
    upgrade(url, revision)
    print(f"{url!r} is at {_revision()}")


@app.command("downgrade")
def downgrade_database(revision: Annotated[str, typer.Argument(help="-1, base, or a revision")]) -> None:
    """Take the database's structure back; what a revision added is lost with its data."""
    url = load(MigrationSettings).url()
    downgrade(url, revision)
    print(f"{url!r} is at {_revision()}")


@app.command("status")
def show_status() -> None:
    """Say which revision the database is at, and which versions it runs."""
    url = load(MigrationSettings).url()
    with make_migration_engine(url).connect() as connection:
        server = connection.scalar(text("SHOW server_version"))
        vector = connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
    print(f"database   {url!r}\nPostgres   {server}\npgvector   {vector or 'missing'}")
    print(f"revision   {_revision()} (this code wants {HEAD_REVISION})")


@app.command("roles")
def make_roles(replicas: Annotated[int, typer.Option(min=1, help="Processes of each service.")] = 1) -> None:
    """Make each service's login role, or give it a new password, and print the URLs: once, they are kept nowhere."""
    url = load(MigrationSettings).url()
    for service, service_url in make_login_roles(make_migration_engine(url), url, replicas=replicas).items():
        print(f"# {service}-service\nDATABASE_URL={service_url.for_libpq()}")


def _revision() -> str:
    with make_migration_engine(load(MigrationSettings).url()).connect() as connection:
        if not connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{SCHEMA}.alembic_version"}):
            return "nothing"
        found = connection.scalar(CURRENT_REVISION)
        return str(found or "base")
