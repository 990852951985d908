"""The tasks that a cat makes for its player (permission ``tasks``)."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from pydantic import AwareDatetime

from cathouse.cat.calls import Calls, encode, once
from cathouse.cat.messages import Part

_PATH = "/api/v1/cat/tasks"


class Task(Part):
    """Something that the player wants done."""

    id: uuid.UUID
    title: str
    description: str | None
    status: str
    priority: str
    due_date: AwareDatetime | None
    tags: tuple[str, ...]
    completed_at: AwareDatetime | None
    overdue: bool


class TaskDetails(TypedDict, total=False):
    """``status`` is pending or completed, ``priority`` low, medium or high; ``due_date`` has its time zone."""

    description: str | None
    status: str
    priority: str
    due_date: dt.datetime | None
    tags: Sequence[str]


class TaskChanges(TaskDetails, total=False):
    """What is to be changed; what is left out stays."""

    title: str


class Tasks:
    """Tasks of this installation that the cat made; at most a thousand."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(
        self, *, status: str | None = None, tag: str | None = None, overdue: bool | None = None
    ) -> AsyncIterator[Task]:
        """All of them, the newest first."""
        wanted = {"status": status, "tag": tag, "overdue": overdue}
        async for item in self._calls.pages(_PATH, wanted):
            yield Task.model_validate(item)

    async def create(self, title: str, *, idempotency_key: str | None = None, **details: Unpack[TaskDetails]) -> Task:
        """Make one. With the same ``idempotency_key`` it is made once, however often this is called within a day."""
        body = _body({"title": title, **details})
        return Task.model_validate(await self._calls.send("POST", _PATH, body=body, headers=once(idempotency_key)))

    async def change(self, task_id: uuid.UUID, **changes: Unpack[TaskChanges]) -> Task:
        """Change some of one."""
        return Task.model_validate(await self._calls.send("PATCH", f"{_PATH}/{task_id}", body=_body(changes)))


def _body(given: Mapping[str, Any]) -> bytes:
    due_date = given.get("due_date")
    if isinstance(due_date, dt.datetime):
        given = {**given, "due_date": due_date.isoformat()}
    return encode(given)
