"""Tasks over HTTP."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CurrentPlayer
from cathouse.schema import TaskPriority, TaskStatus
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, provided
from installation_service.tasks.schemas import TaskView
from installation_service.tasks.service import TaskService

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])


@router.get("")
async def list_tasks(
    player: CurrentPlayer,
    tasks: Annotated[TaskService, provided("tasks")],
    status: TaskStatus | None = None,
    priority: TaskPriority | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TaskView]:
    """The caller's tasks, newest first."""
    keyset = Keyset.read(
        cursor, limit=limit, filters={"status": status, "priority": priority}, types=(dt.datetime, uuid.UUID)
    )
    rows, next_cursor = await tasks.list(player.user_id, status=status, priority=priority, keyset=keyset)
    items = [TaskView.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
    return Page[TaskView](items=items, next_cursor=next_cursor)
