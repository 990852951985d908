"""Tasks as answers."""

import uuid

from pydantic import BaseModel, ConfigDict

from cathouse.schema import TaskPriority, TaskStatus
from cathouse.web import Moment


class TaskView(BaseModel):
    """Something that a player wants done. ``overdue``: still pending, and its time has passed."""

    model_config = ConfigDict(title="Task")

    id: uuid.UUID
    installation_id: uuid.UUID | None
    title: str
    description: str | None
    status: TaskStatus
    priority: TaskPriority
    due_date: Moment | None
    tags: list[str]
    completed_at: Moment | None
    overdue: bool
    created_at: Moment
    updated_at: Moment
