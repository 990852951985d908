"""All SQL about tasks."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, newest_first
from cathouse.schema import Task, TaskPriority, TaskStatus


async def list_tasks(
    session: AsyncSession,
    user_id: uuid.UUID,
    *,
    status: TaskStatus | None,
    priority: TaskPriority | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """The player's tasks, newest first."""
    overdue = func.coalesce(and_(Task.status == TaskStatus.PENDING, Task.due_date < func.now()), False)
    query = select(
        Task.id,
        Task.installation_id,
        Task.title,
        Task.description,
        Task.status,
        Task.priority,
        Task.due_date,
        Task.tags,
        Task.completed_at,
        overdue.label("overdue"),
        Task.created_at,
        Task.updated_at,
    ).where(Task.user_id == user_id)
    if status is not None:
        query = query.where(Task.status == status)
    if priority is not None:
        query = query.where(Task.priority == priority)
    query = newest_first(query, Task.created_at, Task.id, after=after, limit=limit)
    return (await session.execute(query)).all()
