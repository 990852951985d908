"""What Neon answers, as far as it is used here; passwords and everything else are left behind."""

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict

ENDED_WELL = frozenset({"finished", "skipped"})
ENDED_BADLY = frozenset({"failed", "cancelled"})
"""``error`` is neither: Neon repeats the operation by itself (``failures_count``, ``retry_at``)."""


class Answer(BaseModel):
    """A part of an answer: unknown members are ignored, so that Neon may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Project(Answer):
    """A project: branches, computes and databases under one name."""

    id: str
    name: str
    region_id: str
    pg_version: int
    created_at: datetime
    org_id: str | None = None
    history_retention_seconds: int | None = None


class Branch(Answer):
    """A branch: a copy on write of its parent."""

    id: str
    project_id: str
    name: str
    current_state: str
    default: bool
    protected: bool
    created_at: datetime
    parent_id: str | None = None
    expires_at: datetime | None = None
    logical_size: int | None = None
    """Bytes."""


class Compute(Answer):
    """A compute: the Postgres server of a branch; Neon's document calls it an endpoint."""

    id: str
    branch_id: str
    host: str
    type: str
    current_state: str
    autoscaling_limit_min_cu: float
    autoscaling_limit_max_cu: float
    suspend_timeout_seconds: int
    """0 is Neon's default of 300, -1 is never."""


class NeonDatabase(Answer):
    """A database of a branch."""

    name: str
    owner_name: str


class Role(Answer):
    """A role of a branch, without its password."""

    name: str
    protected: bool | None = None


class Operation(Answer):
    """A piece of work that Neon goes on with after it has answered."""

    id: uuid.UUID
    project_id: str
    action: str
    status: str
    error: str | None = None


class BranchOperations(Answer):
    """A branch that is being made or changed."""

    branch: Branch
    operations: tuple[Operation, ...]


class ProjectOperations(Answer):
    """A project that is being made, with its default branch."""

    project: Project
    branch: Branch
    operations: tuple[Operation, ...]


class Operations(Answer):
    """What is under way after a change."""

    operations: tuple[Operation, ...]


class Projects(Answer):
    """A page of projects."""

    projects: tuple[Project, ...]
    unavailable_project_ids: tuple[str, ...] = ()
    """What Neon could not read in time: the page is not whole."""


class Branches(Answer):
    """A page of branches."""

    branches: tuple[Branch, ...]


class OneProject(Answer):
    """A project alone."""

    project: Project


class OneBranch(Answer):
    """A branch alone."""

    branch: Branch


class OneOperation(Answer):
    """An operation alone."""

    operation: Operation


class Computes(Answer):
    """Computes."""

    endpoints: tuple[Compute, ...]


class Databases(Answer):
    """Databases."""

    databases: tuple[NeonDatabase, ...]


class Roles(Answer):
    """Roles."""

    roles: tuple[Role, ...]


class ConnectionUri(Answer):
    """A connection string, with its password: for :class:`cathouse.database.DatabaseUrl` and nothing else."""

    uri: str
