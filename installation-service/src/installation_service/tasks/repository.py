"""All SQL about tasks."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.expression import HasCTE

from cathouse.database import AnyRow, newest_first
from cathouse.schema import Task, TaskPriority, TaskStatus

StatementT = TypeVar("StatementT", bound=HasCTE)

_OVERDUE = func.coalesce(and_(Task.status == TaskStatus.PENDING, Task.due_date < func.now()), False)

_VIEW = (
    Task.id,
    Task.installation_id,
    Task.title,
    Task.description,
    Task.status,
    Task.priority,
    Task.due_date,
    Task.tags,
    Task.completed_at,
    _OVERDUE.label("overdue"),
    Task.created_at,
    Task.updated_at,
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tasks are wanted; what is None narrows nothing. A task has all of ``tags``."""

    status: TaskStatus | None = None
    priority: TaskPriority | None = None
    tags: tuple[str, ...] = ()
    due_before: dt.datetime | None = None
    overdue: bool | None = None
    installation_id: uuid.UUID | None = None


def of_player(user_id: uuid.UUID) -> ColumnElement[bool]:
    """The player's tasks, whoever made them."""
    return Task.user_id == user_id


def of_installation(installation_id: uuid.UUID) -> ColumnElement[bool]:
    """The tasks that the installation's cat made."""
    return Task.installation_id == installation_id


async def list_tasks(
    session: AsyncSession,
    whose: ColumnElement[bool],
    filters: Filters,
    *,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """Tasks, newest first."""
    query = select(*_VIEW).where(whose, *_conditions(filters))
    query = newest_first(query, Task.created_at, Task.id, after=after, limit=limit)
    return (await session.execute(query)).all()


async def find_task(session: AsyncSession, task_id: uuid.UUID, whose: ColumnElement[bool]) -> AnyRow | None:
    """One task."""
    return (await session.execute(select(*_VIEW).where(Task.id == task_id, whose))).one_or_none()


async def add_task(session: AsyncSession, user_id: uuid.UUID, values: Mapping[str, Any]) -> AnyRow:
    """Keep a task that the player made, and return it."""
    statement = insert(Task).values(user_id=user_id, **_completed_anew(values)).returning(*_VIEW)
    return (await session.execute(statement)).one()


async def add_task_of_cat(
    session: AsyncSession, user_id: uuid.UUID, installation_id: uuid.UUID, values: Mapping[str, Any], *, use: Insert
) -> AnyRow:
    """Keep a task that the installation's cat made, and return it; ``before`` is how many there were before it.

    ``use`` notes what the cat does, in the same round trip. With the installation locked the number is exact.
    """
    others = aliased(Task)
    before = select(func.count()).select_from(others).where(others.installation_id == installation_id).scalar_subquery()
    # The id is given here: of two INSERTs in one statement SQLAlchemy makes the default values of one only.
    statement = (
        insert(Task)
        .values(id=uuid.uuid4(), user_id=user_id, installation_id=installation_id, **_completed_anew(values))
        .returning(*_VIEW, before.label("before"))
    )
    return (await session.execute(_noting(statement, use))).one()


async def change_task(
    session: AsyncSession,
    task_id: uuid.UUID,
    whose: ColumnElement[bool],
    changes: Mapping[str, Any],
    *,
    due_already: dt.datetime | None = None,
    use: Insert | None = None,
) -> AnyRow | None:
    """Set ``changes`` and return the task; without any it is only read, so ``updated_at`` stays.

    With ``due_already`` nothing is changed unless that is when the task is due already. ``use`` notes what a cat does.
    """
    if not changes:
        query = select(*_VIEW).where(Task.id == task_id, whose)
        return (await session.execute(_noting(query, use))).one_or_none()
    values = dict(changes)
    if "status" in values:
        is_completed = values["status"] == TaskStatus.COMPLETED
        values["completed_at"] = func.coalesce(Task.completed_at, func.now()) if is_completed else None
    statement = update(Task).where(Task.id == task_id, whose)
    if due_already is not None:
        statement = statement.where(Task.due_date == due_already)
    statement = statement.values(**values)
    return (await session.execute(_noting(statement.returning(*_VIEW), use))).one_or_none()


async def delete_task(session: AsyncSession, task_id: uuid.UUID, whose: ColumnElement[bool]) -> bool:
    """Remove the task, and return whether there was one."""
    statement = delete(Task).where(Task.id == task_id, whose).returning(Task.id)
    return await session.scalar(statement) is not None


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.status is not None:
        conditions.append(Task.status == filters.status)
    if filters.priority is not None:
        conditions.append(Task.priority == filters.priority)
    if filters.tags:
        conditions.append(Task.tags.contains(list(filters.tags)))
    if filters.due_before is not None:
        conditions.append(Task.due_date < filters.due_before)
    if filters.overdue is not None:
        conditions.append(_OVERDUE if filters.overdue else ~_OVERDUE)
    if filters.installation_id is not None:
        conditions.append(of_installation(filters.installation_id))
    return conditions


def _completed_anew(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "completed_at": func.now() if values["status"] == TaskStatus.COMPLETED else None}


def _noting(statement: StatementT, use: Insert | None) -> StatementT:
    return statement if use is None else statement.add_cte(use.cte("use"))
