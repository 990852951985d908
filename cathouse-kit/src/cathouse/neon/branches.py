"""A branch for the time that one is needed: for a rehearsal, or for a run of the tests."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.neon.client import NeonClient
from cathouse.neon.errors import NeonError, NeonUnansweredError
from cathouse.neon.models import Branch
from cathouse.neon.settings import NeonSettings

LIFETIME = timedelta(hours=1)
"""When Neon removes a copy by itself, should we not come to it."""


class NeonBranches:
    """Makes copies of one branch of a project and removes them."""

    def __init__(
        self, *, client: NeonClient, project_id: str, parent: str, database: str, role: str | None = None
    ) -> None:
        """``parent`` is an id or a name; without ``role`` the database's owner connects."""
        self._client = client
        self._project_id = project_id
        self._parent = parent
        self._database = database
        self._role = role

    @classmethod
    def from_settings(cls, client: NeonClient, settings: NeonSettings) -> "NeonBranches":
        """Copies of the branch that the environment names.

        Raises:
            ConfigurationError: when NEON_PROJECT_ID is missing.
        """
        return cls(
            client=client,
            project_id=settings.project_id(),
            parent=settings.neon_parent_branch,
            database=settings.neon_database,
            role=settings.neon_role,
        )

    @contextmanager
    def copy(self, name: str) -> Iterator[DatabaseUrl]:
        """A branch called ``name`` with a compute, as the direct URL of its database; gone when the block is left.

        Also after an exception or Ctrl-C, and when the making of it was interrupted.

        Raises:
            NeonError: when it cannot be made, or cannot be removed; then it ends by itself an hour after it began.
        """
        parent = self._client.find_branch(self._project_id, self._parent)
        expires_at = datetime.now(UTC).replace(microsecond=0) + LIFETIME
        branch: Branch | None = None
        try:
            made = self._client.create_branch(self._project_id, name, parent_id=parent.id, expires_at=expires_at)
            branch = made.branch
            self._client.wait(made.operations)
            yield self._url(branch)
        except BaseException as error:
            # Anything, Ctrl-C too: what was made must go. The first error is the one to be told.
            if branch is not None or not isinstance(error, NeonError) or isinstance(error, NeonUnansweredError):
                try:
                    self._remove(branch or self._half_made(name, parent, expires_at))
                except NeonError as failure:
                    error.add_note(str(failure))
            raise
        self._remove(branch)

    def url_of(self, name: str) -> DatabaseUrl:
        """The direct URL of the database in the branch called ``name`` (or with that id).

        Raises:
            NeonError: when there is no such branch.
        """
        return self._url(self._client.find_branch(self._project_id, name))

    def _url(self, branch: Branch) -> DatabaseUrl:
        role = self._role or database_owner(self._client, branch, self._database)
        return verified(
            self._client.connection_url(
                self._project_id, branch_id=branch.id, database=self._database, role=role, pooled=False
            )
        )

    def _half_made(self, name: str, parent: Branch, expires_at: datetime) -> Branch | None:
        """The branch of an unanswered request; nobody else's of the same name has this parent and this end."""
        for branch in self._client.branches(self._project_id, search=name):
            if (branch.name, branch.parent_id, branch.expires_at) == (name, parent.id, expires_at):
                return branch
        return None

    def _remove(self, branch: Branch | None) -> None:
        if branch is None:
            return
        try:
            self._client.wait(self._client.delete_branch(self._project_id, branch.id))
        except NeonError as error:
            raise NeonError(
                f"branch {branch.name} ({branch.id}) could not be removed: {error};"
                f" it ends by itself within the hour, or: cathouse neon branch delete {branch.id}",
                status=error.status,
            ) from error


def database_owner(client: NeonClient, branch: Branch, database: str) -> str:
    """The role that owns ``database`` in ``branch``.

    Raises:
        ConfigurationError: when there is no such database, naming those that there are.
    """
    databases = client.databases(branch.project_id, branch.id)
    for found in databases:
        if found.name == database:
            return found.owner_name
    names = ", ".join(found.name for found in databases) or "none"
    raise ConfigurationError(f"branch {branch.name} has no database {database} (NEON_DATABASE); it has: {names}")


def verified(url: DatabaseUrl) -> DatabaseUrl:
    """The same URL with the server's certificate checked.

    Neon writes ``sslmode=require``, which encrypts for whoever answers; its certificates are of a public authority, so
    more can be asked for.
    """
    return dataclasses.replace(url, ssl_mode="verify-full") if url.ssl_mode == "require" else url
