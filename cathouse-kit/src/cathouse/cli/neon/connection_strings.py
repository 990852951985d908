"""``cathouse neon url``: how a branch's database is reached."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from cathouse.cli.env_file import replace_lines
from cathouse.cli.neon.session import ProjectOption, Session, open_session
from cathouse.database import DatabaseUrl
from cathouse.neon import Branch
from cathouse.neon.branches import database_owner, verified

_VARIABLES = {True: "DATABASE_URL", False: "MIGRATION_DATABASE_URL"}
"""Services go through the pooler, migrations straight to the compute."""


def show_urls(
    branch: Annotated[str, typer.Argument(help="The branch's name or id.")] = "development",
    *,
    pooled: Annotated[bool | None, typer.Option("--pooled/--direct", help="Only this one, as a bare URL.")] = None,
    database: Annotated[str | None, typer.Option(help="Else NEON_DATABASE, else cathouse.")] = None,
    role: Annotated[str | None, typer.Option(help="Else NEON_ROLE, else the database's owner.")] = None,
    write_env: Annotated[
        Path | None, typer.Option(help="Write the lines into this .env file instead of printing them.")
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Show a branch's connection strings, with the password: the pooled and the direct one."""
    kinds = (True, False) if pooled is None else (pooled,)
    with open_session() as session:
        found = session.client.find_branch(session.project_id(project), branch)
        urls = {_VARIABLES[kind]: _text(_url(session, found, database, role, pooled=kind)) for kind in kinds}
    if write_env is not None:
        replace_lines(write_env, urls)
        print(f"{write_env}: {' and '.join(urls)} lead to branch {found.name}")
    elif pooled is None:
        for name, url in urls.items():
            print(f"{name}={url}")
    else:
        print(*urls.values())


def _url(session: Session, branch: Branch, database: str | None, role: str | None, *, pooled: bool) -> DatabaseUrl:
    name = database or session.settings.neon_database
    user = role or session.settings.neon_role or database_owner(session.client, branch, name)
    return verified(
        session.client.connection_url(branch.project_id, branch_id=branch.id, database=name, role=user, pooled=pooled)
    )


def _text(url: DatabaseUrl) -> str:
    # libpq looks for a file of certificates unless it is told to use the system's; our own drivers read it likewise.
    if url.ssl_mode == "verify-full" and url.ssl_root_certificate is None:
        return dataclasses.replace(url, ssl_root_certificate="system").for_libpq()
    return url.for_libpq()
