"""``cathouse db``: looking after the database. Here are the commands that change its structure and its logins."""

import sys
from typing import Annotated

import typer
from sqlalchemy import text

from cathouse.configuration import ConfigurationError, load
from cathouse.database import DatabaseSettings, DatabaseUrl, MigrationSettings
from cathouse.database.budget import parse_shares
from cathouse.schema import HEAD_REVISION
from cathouse.upkeep.announcements import AnnouncementSettings, announce
from cathouse.upkeep.direct import connect
from cathouse.upkeep.migrations import downgrade, upgrade
from cathouse.upkeep.revisions import current_revision, revision_of
from cathouse.upkeep.roles import make_login_roles

app = typer.Typer(help="Look after the database; MIGRATION_DATABASE_URL says which.", no_args_is_help=True)

# A revision may be -1: what begins with a dash is no option here.
_TAKES_DASHES = {"ignore_unknown_options": True}


@app.command("upgrade")
def upgrade_database(
    revision: Annotated[str, typer.Argument(help="head, or a revision")] = "head",
    *,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="When it fails, take back the revisions that it did finish.")
    ] = False,
) -> None:
    """Bring the database's structure up to date.

    A failure is announced to MIGRATION_WEBHOOK_URL, when that is set: for migrations that nobody watches.
    """
    url = load(MigrationSettings).url()
    announcements = load(AnnouncementSettings)
    start: str | None = None
    try:
        start = revision_of(url)
        upgrade(url, revision)
    except ConfigurationError as error:
        told = f"{error}{_taken_back(url, start) if rollback and start is not None else ''}"
        if unheard := announce(announcements, f"Cat House, {url!r}: {told}"):
            print(unheard, file=sys.stderr)
        raise ConfigurationError(told) from error
    print(f"{url!r} is at {revision_of(url)}")


@app.command("downgrade", context_settings=_TAKES_DASHES)
def downgrade_database(revision: Annotated[str, typer.Argument(help="-1, base, or a revision")]) -> None:
    """Take the database's structure back; what a revision added is lost with its data."""
    url = load(MigrationSettings).url()
    downgrade(url, revision)
    print(f"{url!r} is at {revision_of(url)}")


@app.command("status")
def show_status() -> None:
    """Say which revision the database is at, and which versions it runs."""
    url = load(MigrationSettings).url()
    with connect(url) as connection:
        server = connection.scalar(text("SHOW server_version"))
        vector = connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
        revision = current_revision(connection)
    print(f"database   {url!r}\nPostgres   {server}\npgvector   {vector or 'missing'}")
    print(f"revision   {revision} (this code wants {HEAD_REVISION})")


@app.command("roles")
def make_roles(
    replicas: Annotated[int | None, typer.Option(min=1, help="Processes of each service; else REPLICAS.")] = None,
) -> None:
    """Make each service's login role, or give it a new password, and print the URLs: once, they are kept nowhere.

    Each may open its share of the connections (DB_SHARES), and two more, times the number of replicas.
    """
    url = load(MigrationSettings).url()
    settings = load(DatabaseSettings)
    shares = parse_shares(settings.db_shares)
    for service, login in make_login_roles(url, replicas=replicas or settings.replicas, shares=shares).items():
        print(f"# {service}-service\nDATABASE_URL={login.for_libpq()}")


def _taken_back(url: DatabaseUrl, start: str) -> str:
    """What became of taking it back, to be told behind the reason: that one is never hidden by another failure."""
    try:
        if revision_of(url) == start:
            return ""
        downgrade(url, start)
        return f". It was taken back to {revision_of(url)}"
    except ConfigurationError as error:
        return f". It could not be taken back: {error}"
