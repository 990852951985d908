"""Tasks as requests and answers."""

import uuid
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from cathouse.schema import TaskPriority, TaskStatus
from cathouse.web import ChangeModel, GivenMoment, Moment, RequestModel, folded_tags

MOST_TAGS = 20
LONGEST_TAG = 10
"""Characters; both requirement NS-4."""

LONGEST_DESCRIPTION = 5000
"""Characters."""


Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Description = Annotated[str, StringConstraints(max_length=LONGEST_DESCRIPTION)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TAG)]
Tags = Annotated[
    list[Tag],
    BeforeValidator(folded_tags),
    Field(
        default_factory=list,
        max_length=MOST_TAGS,
        description="Kept trimmed and in lower case; what is the same then is kept once.",
    ),
]


class TaskCreation(RequestModel):
    """Something to be done. Titles need not differ."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Buy cat food",
                    "description": "The kind with salmon.",
                    "priority": "high",
                    "due_date": "2099-12-24T18:00:00+01:00",
                    "tags": ["shopping", "misty"],
                }
            ]
        }
    )

    title: Title
    description: Description | None = None
    status: TaskStatus = TaskStatus.PENDING
    priority: TaskPriority = TaskPriority.MEDIUM
    due_date: GivenMoment | None = Field(None, description="Not in the past.")
    tags: Tags


class TaskChange(ChangeModel):
    """What is left out stays; null takes ``description`` or ``due_date`` away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "completed"}]})

    title: Title = ""
    description: Description | None = None
    status: TaskStatus = TaskStatus.PENDING
    priority: TaskPriority = TaskPriority.MEDIUM
    due_date: GivenMoment | None = Field(None, description="Not in the past, unless it is what the task has already.")
    tags: Tags


class TaskView(BaseModel):
    """Something that a player wants done. ``overdue``: still pending, and its time has passed."""

    model_config = ConfigDict(
        title="Task",
        json_schema_extra={
            "examples": [
                {
                    "id": "4b8d2f6a-1e7c-4c39-a5d0-3f9b7e2c6a48",
                    "installation_id": None,
                    "title": "Buy cat food",
                    "description": "The kind with salmon.",
                    "status": "pending",
                    "priority": "high",
                    "due_date": "2099-12-24T17:00:00Z",
                    "tags": ["shopping", "misty"],
                    "completed_at": None,
                    "overdue": False,
                    "created_at": "2026-11-21T18:00:00Z",
                    "updated_at": "2026-11-21T18:00:00Z",
                }
            ]
        },
    )

    id: uuid.UUID
    installation_id: uuid.UUID | None = Field(description="Whose cat made it; null: the player did.")
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
