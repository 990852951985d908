"""Tasks over HTTP: for players, and for cats."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from cathouse.database import AnyRow
from cathouse.identity import CallingCat, CurrentPlayer
from cathouse.schema import TaskPriority, TaskStatus
from cathouse.web import (
    DEFAULT_LIMIT,
    Cursor,
    GivenMoment,
    Keyset,
    Limit,
    Once,
    Page,
    SafeText,
    folded_tag,
    provided,
    view_of,
)
from installation_service.tasks.repository import Filters
from installation_service.tasks.schemas import MOST_TAGS, TaskChange, TaskCreation, TaskView
from installation_service.tasks.service import TaskService

router = APIRouter()

Tasks = Annotated[TaskService, provided("tasks")]


async def _filters(
    *,
    status: TaskStatus | None = None,
    priority: TaskPriority | None = None,
    tag: Annotated[
        list[SafeText] | None, Query(max_length=MOST_TAGS, description="Repeat it to narrow further.")
    ] = None,
    due_before: Annotated[
        GivenMoment | None, Query(description="RFC 3339 with its offset. What has no due date is left out.")
    ] = None,
    overdue: Annotated[
        bool | None, Query(description="`true`: only what is pending although its time has passed; `false`: the rest.")
    ] = None,
) -> Filters:
    tags = tuple(sorted({folded_tag(each) for each in tag or ()}))
    return Filters(status=status, priority=priority, tags=tags, due_before=due_before, overdue=overdue)


WantedTasks = Annotated[Filters, Depends(_filters)]


@router.get("/api/v1/tasks", tags=["tasks"])
async def list_tasks(
    player: CurrentPlayer,
    tasks: Tasks,
    filters: WantedTasks,
    installation_id: Annotated[uuid.UUID | None, Query(description="What this installation's cat made.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TaskView]:
    """The caller's tasks, newest first, with those that cats made."""
    wanted = replace(filters, installation_id=installation_id)
    rows, next_cursor = await tasks.list(player.user_id, wanted, _keyset(cursor, limit, asdict(wanted)))
    return _page(rows, next_cursor)


@router.post("/api/v1/tasks", status_code=201, tags=["tasks"])
async def create_task(player: CurrentPlayer, creation: TaskCreation, tasks: Tasks, once: Once) -> TaskView:
    """Note something to be done."""
    return await once.answer(player.user_id, lambda: tasks.create(player.user_id, creation), partial(view_of, TaskView))


@router.get("/api/v1/tasks/{task_id}", tags=["tasks"])
async def read_task(task_id: uuid.UUID, player: CurrentPlayer, tasks: Tasks) -> TaskView:
    """One of the caller's tasks."""
    return view_of(TaskView, await tasks.find(player.user_id, task_id))


@router.patch("/api/v1/tasks/{task_id}", tags=["tasks"])
async def change_task(task_id: uuid.UUID, player: CurrentPlayer, change: TaskChange, tasks: Tasks) -> TaskView:
    """Change some of a task, also one that a cat made; what is left out stays."""
    return view_of(TaskView, await tasks.change(player.user_id, task_id, change))


@router.delete("/api/v1/tasks/{task_id}", status_code=204, tags=["tasks"])
async def delete_task(task_id: uuid.UUID, player: CurrentPlayer, tasks: Tasks) -> None:
    """Remove a task, also one that a cat made."""
    await tasks.delete(player.user_id, task_id)


@router.get("/api/v1/cat/tasks", tags=["tasks (for cats)"])
async def list_tasks_of_cat(
    cat: CallingCat, tasks: Tasks, filters: WantedTasks, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[TaskView]:
    """The tasks that the cat made for this installation, newest first."""
    keyset = _keyset(cursor, limit, {**asdict(filters), "installation": cat.installation_id})
    rows, next_cursor = await tasks.list_for_cat(cat, filters, keyset)
    return _page(rows, next_cursor)


@router.post("/api/v1/cat/tasks", status_code=201, tags=["tasks (for cats)"])
async def create_task_of_cat(cat: CallingCat, creation: TaskCreation, tasks: Tasks, once: Once) -> TaskView:
    """Note something to be done for the player; at most a thousand tasks for one installation."""
    return await once.answer(
        cat.installation_id, lambda: tasks.create_for_cat(cat, creation), partial(view_of, TaskView)
    )


@router.get("/api/v1/cat/tasks/{task_id}", tags=["tasks (for cats)"])
async def read_task_of_cat(task_id: uuid.UUID, cat: CallingCat, tasks: Tasks) -> TaskView:
    """One of the tasks that the cat made for this installation."""
    return view_of(TaskView, await tasks.find_for_cat(cat, task_id))


@router.patch("/api/v1/cat/tasks/{task_id}", tags=["tasks (for cats)"])
async def change_task_of_cat(task_id: uuid.UUID, cat: CallingCat, change: TaskChange, tasks: Tasks) -> TaskView:
    """Change some of a task that the cat made for this installation; what is left out stays."""
    return view_of(TaskView, await tasks.change_for_cat(cat, task_id, change))


def _keyset(cursor: str | None, limit: int, filters: Mapping[str, Any]) -> Keyset:
    return Keyset.read(cursor, limit=limit, filters=filters, types=(dt.datetime, uuid.UUID))


def _page(rows: Sequence[AnyRow], next_cursor: str | None) -> Page[TaskView]:
    return Page[TaskView](items=[view_of(TaskView, row) for row in rows], next_cursor=next_cursor)
