"""Notifications as requests and answers."""

import json
import uuid
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from cathouse.web import JsonValue, Moment, Page, RequestModel

LARGEST_DATA = 16 * 1024
"""Characters of JSON: an inbox page of a hundred stays small."""


def _refuse_large(data: Any) -> Any:  # noqa: ANN401 - pydantic's hook
    if len(json.dumps(data)) > LARGEST_DATA:
        raise ValueError(f"larger than {LARGEST_DATA // 1024} KiB of JSON")
    return data


class NotificationCreation(RequestModel):
    """What a cat wants to tell its player."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    body: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    data: Annotated[JsonValue, AfterValidator(_refuse_large)] = None


class Sender(BaseModel):
    """The installation that a notification comes from."""

    id: uuid.UUID
    instance_name: str


class NotificationView(BaseModel):
    """A message in the inbox."""

    model_config = ConfigDict(title="Notification")

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
