"""``cathouse neon branch …`` and ``cathouse neon computes``."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cathouse.cli.neon.session import ProjectOption, YesOption, open_session
from cathouse.cli.neon.tables import branch_facts, print_branches, print_computes, print_facts
from cathouse.configuration import ConfigurationError

app = typer.Typer(help="A project's branches.", no_args_is_help=True)

BranchArgument = Annotated[str, typer.Argument(help="The branch's name or id.")]


@app.command("create")
def create_branch(
    name: str,
    *,
    project: ProjectOption = None,
    parent: Annotated[str | None, typer.Option(help="Name or id; else the default branch.")] = None,
    compute: Annotated[bool, typer.Option(help="With a compute, so that it can be connected to.")] = True,
    hours: Annotated[float | None, typer.Option(min=0.1, help="Hours until Neon removes it; else it stays.")] = None,
) -> None:
    """Make a branch: a copy of its parent as it is now."""
    with open_session() as session:
        project_id = session.project_id(project)
        made = session.client.create_branch(
            project_id,
            name,
            parent_id=session.client.find_branch(project_id, parent).id if parent else None,
            expires_at=datetime.now(UTC) + timedelta(hours=hours) if hours else None,
            compute=compute,
        )
        session.client.wait(made.operations)
        print_facts(branch_facts(session.client.branch(project_id, made.branch.id)))


@app.command("list")
def list_branches(*, project: ProjectOption = None) -> None:
    """List the branches."""
    with open_session() as session:
        print_branches(session.client.branches(session.project_id(project)))


@app.command("describe")
def describe_branch(branch: BranchArgument, *, project: ProjectOption = None) -> None:
    """Show a branch with its databases and computes."""
    with open_session() as session:
        project_id = session.project_id(project)
        found = session.client.find_branch(project_id, branch)
        databases = session.client.databases(project_id, found.id)
        print_facts(branch_facts(found))
        print_facts([("databases", ", ".join(f"{each.name} (of {each.owner_name})" for each in databases))])
        print_computes(session.client.computes(project_id, branch_id=found.id), [found])


@app.command("reset")
def reset_branch(
    branch: BranchArgument,
    *,
    project: ProjectOption = None,
    keep_as: Annotated[str | None, typer.Option(help="Keep what it has now as a branch of this name.")] = None,
    yes: YesOption = False,
) -> None:
    """Give a branch its parent's present data; its own changes are lost, unless --keep-as names a place for them."""
    with open_session() as session:
        project_id = session.project_id(project)
        found = session.client.find_branch(project_id, branch)
        if found.parent_id is None:
            raise ConfigurationError(f"branch {found.name} has no parent to be reset to")
        if not yes:
            kept = f"kept as branch {keep_as}" if keep_as else "lost"
            typer.confirm(f"Reset branch {found.name} ({found.id}) to its parent? Its data is {kept}.", abort=True)
        done = session.client.reset_branch(project_id, found.id, parent_id=found.parent_id, keep_as=keep_as)
        session.client.wait(done.operations)
    print(f"branch {found.name} is as its parent is now")


@app.command("delete")
def delete_branch(branch: BranchArgument, *, project: ProjectOption = None, yes: YesOption = False) -> None:
    """Delete a branch with its data, for good."""
    with open_session() as session:
        project_id = session.project_id(project)
        found = session.client.find_branch(project_id, branch)
        if not yes:
            typer.confirm(f"Delete branch {found.name} ({found.id}) with its data, for good?", abort=True)
        session.client.wait(session.client.delete_branch(project_id, found.id))
    print(f"branch {found.name} ({found.id}) is deleted")


def list_computes(
    *,
    project: ProjectOption = None,
    branch: Annotated[str | None, typer.Option(help="Only those of this branch, by name or id.")] = None,
) -> None:
    """List the computes: the Postgres servers of the branches."""
    with open_session() as session:
        project_id = session.project_id(project)
        branches = session.client.branches(project_id)
        wanted = session.client.find_branch(project_id, branch).id if branch else None
        print_computes(session.client.computes(project_id, branch_id=wanted), branches)
