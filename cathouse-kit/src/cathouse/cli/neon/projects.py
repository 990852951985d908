"""``cathouse neon project …`` and ``cathouse neon provision``."""

from typing import Annotated

import typer

from cathouse.cli.neon.session import ProjectOption, YesOption, open_session
from cathouse.cli.neon.tables import print_branches, print_facts, print_projects, project_facts
from cathouse.neon import provision
from cathouse.neon.provisioning import DATABASE

app = typer.Typer(help="Neon's projects.", no_args_is_help=True)

RegionOption = Annotated[str | None, typer.Option(help="aws-eu-central-1 for example; else Neon's choice.")]
PostgresOption = Annotated[int | None, typer.Option(min=15, max=18, help="Major version; else Neon's choice.")]
ProjectArgument = Annotated[str | None, typer.Argument(help="The project's id; else NEON_PROJECT_ID.")]


@app.command("create")
def create_project(
    name: str,
    *,
    region: RegionOption = None,
    postgres: PostgresOption = None,
    database: Annotated[str, typer.Option(help="The database of its branch main.")] = DATABASE,
) -> None:
    """Make a project with branch main; `cathouse neon provision` makes the whole of Cat House's."""
    with open_session() as session:
        made = session.client.create_project(
            name, database=database, region=region, pg_version=postgres, org_id=session.settings.neon_org_id
        )
        session.client.wait(made.operations)
        print_facts(project_facts(made.project))
    print(f"NEON_PROJECT_ID={made.project.id}")


@app.command("list")
def list_projects() -> None:
    """List the projects that the key may see."""
    with open_session() as session:
        print_projects(session.client.projects(org_id=session.settings.neon_org_id))


@app.command("describe")
def describe_project(project: ProjectArgument = None) -> None:
    """Show a project with its branches."""
    with open_session() as session:
        found = session.client.project(session.project_id(project))
        print_facts(project_facts(found))
        print_branches(session.client.branches(found.id))


@app.command("delete")
def delete_project(
    project: Annotated[str, typer.Argument(help="The project's id.")], *, yes: YesOption = False
) -> None:
    """Delete a project with all its branches and data. Neon keeps it recoverable for seven days."""
    with open_session() as session:
        found = session.client.project(project)
        if not yes:
            typer.confirm(f"Delete project {found.name} ({found.id}) with all its branches and data?", abort=True)
        session.client.delete_project(found.id)
    print(f"project {found.name} ({found.id}) is deleted")


def provision_project(
    *, project: ProjectOption = None, region: RegionOption = None, postgres: PostgresOption = None
) -> None:
    """Make what is missing of project cat-house, database cathouse, branches main, staging, development."""
    with open_session() as session:
        there = provision(
            session.client,
            project_id=project or session.settings.neon_project_id,
            org_id=session.settings.neon_org_id,
            region=region,
            pg_version=postgres,
            say=print,
        )
    if not there.made:
        print("all was there already; nothing was changed")
    print_branches(list(there.branches.values()))
    print(f"NEON_PROJECT_ID={there.project.id}")
