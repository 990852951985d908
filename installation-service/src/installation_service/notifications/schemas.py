"""Notifications as requests and answers."""

import uuid
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic_core import to_json

from cathouse.web import JsonValue, Moment, Page, RequestModel

LARGEST_DATA = 16 * 1024
"""Bytes of JSON: an inbox page of a hundred stays small."""


def _refuse_large(data: Any) -> Any:  # noqa: ANN401 - pydantic's hook
    if len(to_json(data)) > LARGEST_DATA:
        raise ValueError(f"larger than {LARGEST_DATA // 1024} KiB of JSON")
    return data


class NotificationCreation(RequestModel):
    """What a cat wants to tell its player."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Dinner", "body": "It is time.", "data": {"bowl": 2}}]}
    )

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    body: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    data: Annotated[JsonValue, AfterValidator(_refuse_large)] = None


class Sender(BaseModel):
    """The installation that a notification comes from."""

    id: uuid.UUID
    instance_name: str


class NotificationView(BaseModel):
    """A message in the inbox."""

    model_config = ConfigDict(
        title="Notification",
        json_schema_extra={
            "examples": [
                {
                    "id": "0f7a2c8e-5a3b-4d0e-9f51-6f1f3c1f9a01",
                    "installation": {"id": "6d1c7f0a-2f0b-4a53-8f3e-0d5f7a9b2c11", "instance_name": "Misty"},
                    "title": "Dinner",
                    "body": "It is time.",
                    "data": {"bowl": 2},
                    "read_at": None,
                    "created_at": "2026-11-21T18:00:00Z",
                }
            ]
        },
    )

    id: uuid.UUID
    installation: Sender
    title: str
    body: str
    data: Any | None
    read_at: Moment | None
    created_at: Moment


class Inbox(Page[NotificationView]):
    """One page of the inbox, and how much of it all is unread."""

    unread_count: int
