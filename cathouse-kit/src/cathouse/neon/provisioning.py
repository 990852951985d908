"""The project as Cat House wants it: one database, three long-lived branches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cathouse.neon.client import NeonClient
from cathouse.neon.errors import NeonError
from cathouse.neon.models import Branch, Project, ProjectOperations

PROJECT = "cat-house"
DATABASE = "cathouse"
MAIN = "main"
BRANCHES = ("staging", "development")
"""Children of ``main``."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What there is now, and which of it is new."""

    project: Project
    branches: Mapping[str, Branch]
    made: tuple[str, ...]


def provision(
    client: NeonClient,
    *,
    project_id: str | None = None,
    org_id: str | None = None,
    region: str | None = None,
    pg_version: int | None = None,
    say: Callable[[str], None] = lambda _step: None,
) -> Provisioned:
    """Make what is missing of project ``cat-house``, database ``cathouse``, branches main, staging and development.

    What is there stays as it is, so that it may run again, also after it was interrupted. ``project_id`` names the
    project when it has another name. Each thing that is made is told to ``say``.

    Raises:
        NeonError: when Neon refuses something, or the project's default branch is another than ``main``.
    """
    made: list[str] = []

    def note(what: str) -> None:
        made.append(what)
        say(f"made {what}")

    project = client.project(project_id) if project_id else _find_project(client, org_id)
    if project is None:
        created = _create(client, region=region, pg_version=pg_version, org_id=org_id)
        project = created.project
        note(f"project {project.name} ({project.id}), branch {MAIN}, database {DATABASE}")
    branches = {branch.name: branch for branch in client.branches(project.id)}
    main = branches.get(MAIN)
    if main is None or not main.default:
        default = next((branch.name for branch in branches.values() if branch.default), "none")
        raise NeonError(
            f"the default branch of project {project.id} is {default}, not {MAIN}: rename it, or make {MAIN} the"
            " default, in Neon's console, and run this again"
        )
    _complete(client, main, note)
    for name in BRANCHES:
        if name not in branches:
            started = client.create_branch(project.id, name, parent_id=main.id)
            client.wait(started.operations)
            branches[name] = started.branch
            note(f"branch {name}")
        _complete(client, branches[name], note)
    return Provisioned(project, {name: branches[name] for name in (MAIN, *BRANCHES)}, tuple(made))


def _find_project(client: NeonClient, org_id: str | None) -> Project | None:
    found = [project for project in client.projects(search=PROJECT, org_id=org_id) if project.name == PROJECT]
    if len(found) > 1:
        ids = ", ".join(project.id for project in found)
        raise NeonError(
            f"there are {len(found)} projects called {PROJECT} ({ids}): set NEON_PROJECT_ID to the one meant"
        )
    return found[0] if found else None


def _create(client: NeonClient, *, region: str | None, pg_version: int | None, org_id: str | None) -> ProjectOperations:
    created = client.create_project(
        PROJECT, database=DATABASE, branch=MAIN, region=region, pg_version=pg_version, org_id=org_id
    )
    client.wait(created.operations)
    return created


def _complete(client: NeonClient, branch: Branch, note: Callable[[str], None]) -> None:
    """Give ``branch`` the compute and the database that it lacks."""
    computes = client.computes(branch.project_id, branch_id=branch.id)
    if not any(compute.type == "read_write" for compute in computes):
        client.wait(client.create_compute(branch.project_id, branch.id))
        note(f"compute of branch {branch.name}")
    if any(database.name == DATABASE for database in client.databases(branch.project_id, branch.id)):
        return
    roles = [role.name for role in client.roles(branch.project_id, branch.id) if not role.protected]
    if not roles:
        raise NeonError(f"branch {branch.name} has no role that could own database {DATABASE}: make one in the console")
    client.wait(client.create_database(branch.project_id, branch.id, DATABASE, owner=roles[0]))
    note(f"database {DATABASE} in branch {branch.name}")
