"""Neon's API as calls; every path, parameter and body is as Neon's OpenAPI document has it."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr

from cathouse.database import DatabaseUrl
from cathouse.neon import models, wire
from cathouse.neon.errors import NeonError
from cathouse.neon.models import (
    Branch,
    BranchOperations,
    Compute,
    NeonDatabase,
    Operation,
    Project,
    ProjectOperations,
    Role,
)
from cathouse.neon.operations import wait_until_finished
from cathouse.neon.settings import NeonSettings
from cathouse.neon.transport import Transport

PAGE_SIZE = 100


class NeonClient:
    """Neon's API with one key. Close it, or use it in a ``with`` statement.

    Calls that change something return the operations that Neon goes on with: :meth:`wait` for them before using what
    was changed. Every call raises :class:`cathouse.neon.errors.NeonError` with one line that says what to do.
    """

    def __init__(
        self,
        *,
        url: str,
        key: SecretStr,
        timeout_s: float = 30.0,
        deadline_s: float = 120.0,
        operations_deadline_s: float = 300.0,
        first_pause_s: float = 0.5,
    ) -> None:
        """``timeout_s`` bounds an attempt, ``deadline_s`` a call with its repetitions, both in seconds."""
        self._transport = Transport(
            url=url, key=key, timeout_s=timeout_s, deadline_s=deadline_s, first_pause_s=first_pause_s
        )
        self._operations_deadline_s = operations_deadline_s
        self._first_pause_s = first_pause_s

    @classmethod
    def from_settings(cls, settings: NeonSettings) -> "NeonClient":
        """The client that the environment describes.

        Raises:
            ConfigurationError: when NEON_API_KEY is missing.
        """
        return cls(url=str(settings.neon_api_url), key=settings.key())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        """Where it leads; never the key."""
        return f"NeonClient({self._transport!r})"

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def wait(self, operations: Sequence[Operation]) -> None:
        """Return when all ``operations`` are finished.

        Raises:
            NeonError: when one failed, was cancelled, or is not finished in time.
        """
        wait_until_finished(
            operations, self._operation, deadline_s=self._operations_deadline_s, first_pause_s=self._first_pause_s
        )

    def projects(self, *, search: str | None = None, org_id: str | None = None) -> list[Project]:
        """All projects that the key may see; ``search`` is a part of a name or id."""

        def fetch(cursor: str | None) -> dict[str, Any]:
            query = {"limit": PAGE_SIZE, "cursor": cursor, "search": search, "org_id": org_id}
            return self._transport.send("GET", "/projects", doing="list the projects", query=query)

        found: dict[str, Project] = {}
        for page in wire.pages(fetch, items="projects", cursor="cursor"):
            answer = wire.read(models.Projects, page)
            if answer.unavailable_project_ids:
                ids = ", ".join(answer.unavailable_project_ids)
                raise NeonError(f"Neon could not read all projects in time, {ids} for example; try again")
            found |= {project.id: project for project in answer.projects}
        return list(found.values())

    def create_project(
        self,
        name: str,
        *,
        database: str,
        branch: str = "main",
        region: str | None = None,
        pg_version: int | None = None,
        org_id: str | None = None,
    ) -> ProjectOperations:
        """Make a project whose default branch ``branch`` has ``database``; None leaves the choice to Neon."""
        wanted: dict[str, Any] = {"name": name, "branch": {"name": branch, "database_name": database}}
        wanted |= wire.given(region_id=region, pg_version=pg_version, org_id=org_id)
        answer = self._transport.send("POST", "/projects", doing=f"create project {name}", body={"project": wanted})
        return wire.read(ProjectOperations, answer)

    def project(self, project_id: str) -> Project:
        """One project."""
        answer = self._transport.send("GET", wire.path("projects", project_id), doing=f"read project {project_id}")
        return wire.read(models.OneProject, answer).project

    def delete_project(self, project_id: str) -> None:
        """Delete a project with all its branches; Neon can recover it for seven days."""
        self._transport.send("DELETE", wire.path("projects", project_id), doing=f"delete project {project_id}")

    def branches(self, project_id: str, *, search: str | None = None) -> list[Branch]:
        """All branches of a project, by name; ``search`` is a part of a name or id."""

        def fetch(cursor: str | None) -> dict[str, Any]:
            query = {"limit": PAGE_SIZE, "cursor": cursor, "search": search, "sort_by": "name", "sort_order": "asc"}
            doing = f"list the branches of project {project_id}"
            return self._transport.send("GET", wire.path("projects", project_id, "branches"), doing=doing, query=query)

        found: dict[str, Branch] = {}
        for page in wire.pages(fetch, items="branches", cursor="next"):
            found |= {branch.id: branch for branch in wire.read(models.Branches, page).branches}
        return list(found.values())

    def find_branch(self, project_id: str, wanted: str) -> Branch:
        """The branch with the name or the id ``wanted``.

        Raises:
            NeonError: naming the branches that there are, when there is none of that name.
        """
        branches = self.branches(project_id)
        for branch in branches:
            if wanted in (branch.id, branch.name):
                return branch
        names = ", ".join(branch.name for branch in branches) or "none"
        raise NeonError(f"project {project_id} has no branch {wanted}; its branches: {names}", status=404)

    def create_branch(
        self,
        project_id: str,
        name: str,
        *,
        parent_id: str | None = None,
        expires_at: datetime | None = None,
        compute: bool = True,
    ) -> BranchOperations:
        """Make a branch of ``parent_id`` (of the default branch without it); without ``compute`` nobody can connect.

        Neon deletes it by itself after ``expires_at``.
        """
        wanted = {"name": name, **wire.given(parent_id=parent_id, expires_at=wire.moment(expires_at))}
        body: dict[str, Any] = {"branch": wanted}
        if compute:
            body["endpoints"] = [{"type": "read_write"}]
        answer = self._transport.send(
            "POST",
            wire.path("projects", project_id, "branches"),
            doing=f"create branch {name} in project {project_id}",
            body=body,
        )
        return wire.read(BranchOperations, answer)

    def branch(self, project_id: str, branch_id: str) -> Branch:
        """One branch."""
        answer = self._transport.send(
            "GET", wire.path("projects", project_id, "branches", branch_id), doing=f"read branch {branch_id}"
        )
        return wire.read(models.OneBranch, answer).branch

    def reset_branch(
        self, project_id: str, branch_id: str, *, parent_id: str, keep_as: str | None = None
    ) -> BranchOperations:
        """Give a branch its parent's present data; what it had is kept as branch ``keep_as``, or lost without it.

        A branch with children needs ``keep_as``: they move to it.
        """
        body = {"source_branch_id": parent_id, **wire.given(preserve_under_name=keep_as)}
        answer = self._transport.send(
            "POST",
            wire.path("projects", project_id, "branches", branch_id, "restore"),
            doing=f"reset branch {branch_id}",
            body=body,
        )
        return wire.read(BranchOperations, answer)

    def delete_branch(self, project_id: str, branch_id: str) -> tuple[Operation, ...]:
        """Delete a branch with its data, for good: Neon's recovery window is not used."""
        answer = self._transport.send(
            "DELETE",
            wire.path("projects", project_id, "branches", branch_id),
            doing=f"delete branch {branch_id}",
            query={"hard_delete": "true"},
        )
        return wire.read(models.Operations, answer).operations if answer else ()

    def computes(self, project_id: str, *, branch_id: str | None = None) -> list[Compute]:
        """The computes of a project, or of one of its branches."""
        place = ("branches", branch_id) if branch_id else ()
        answer = self._transport.send(
            "GET",
            wire.path("projects", project_id, *place, "endpoints"),
            doing=f"list the computes of project {project_id}",
        )
        return list(wire.read(models.Computes, answer).endpoints)

    def create_compute(self, project_id: str, branch_id: str) -> tuple[Operation, ...]:
        """Give a branch the compute that connections need."""
        answer = self._transport.send(
            "POST",
            wire.path("projects", project_id, "endpoints"),
            doing=f"create a compute for branch {branch_id}",
            body={"endpoint": {"branch_id": branch_id, "type": "read_write"}},
        )
        return wire.read(models.Operations, answer).operations

    def databases(self, project_id: str, branch_id: str) -> list[NeonDatabase]:
        """The databases of a branch."""
        answer = self._transport.send(
            "GET",
            wire.path("projects", project_id, "branches", branch_id, "databases"),
            doing=f"list the databases of branch {branch_id}",
        )
        return list(wire.read(models.Databases, answer).databases)

    def create_database(self, project_id: str, branch_id: str, name: str, *, owner: str) -> tuple[Operation, ...]:
        """Make a database that the role ``owner`` owns."""
        answer = self._transport.send(
            "POST",
            wire.path("projects", project_id, "branches", branch_id, "databases"),
            doing=f"create database {name} in branch {branch_id}",
            body={"database": {"name": name, "owner_name": owner}},
        )
        return wire.read(models.Operations, answer).operations

    def roles(self, project_id: str, branch_id: str) -> list[Role]:
        """The roles of a branch, without passwords."""
        answer = self._transport.send(
            "GET",
            wire.path("projects", project_id, "branches", branch_id, "roles"),
            doing=f"list the roles of branch {branch_id}",
        )
        return list(wire.read(models.Roles, answer).roles)

    def connection_url(self, project_id: str, *, branch_id: str, database: str, role: str, pooled: bool) -> DatabaseUrl:
        """The URL of a branch's database, through Neon's pooler or, not ``pooled``, straight to its compute."""
        doing = f"read the connection string of branch {branch_id}"
        query = {
            "branch_id": branch_id,
            "database_name": database,
            "role_name": role,
            "pooled": "true" if pooled else "false",
        }
        answer = self._transport.send(
            "GET", wire.path("projects", project_id, "connection_uri"), doing=doing, query=query
        )
        try:
            return DatabaseUrl.parse(wire.read(models.ConnectionUri, answer).uri)
        except ValueError as error:
            raise NeonError(f"cannot {doing}: Neon's answer is no URL that can be used: {error}") from None

    def _operation(self, operation: Operation) -> Operation:
        answer = self._transport.send(
            "GET",
            wire.path("projects", operation.project_id, "operations", str(operation.id)),
            doing=f"read operation {operation.id}",
        )
        return wire.read(models.OneOperation, answer).operation
