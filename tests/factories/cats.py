"""Cats and their releases."""

import uuid
from typing import Any

from faker import Faker

from cathouse.schema import Cat, Release

_faker = Faker()

STORAGE = {"permission_type": "storage", "description": "To remember you.", "required": True}
NOTIFICATION = {"permission_type": "notification", "description": "To greet you.", "required": False}
TASKS = {"permission_type": "tasks", "description": "To remind you.", "required": False}
EXTERNAL = {"permission_type": "external_api", "description": "To ask the weather.", "required": False}

SECRET = {
    "name": "api_key",
    "host": "api.example.com",
    "header": "X-Api-Key",
    "description": "Your key.",
    "required": True,
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city"],
    "additionalProperties": False,
}


def cat_creation(**changes: Any) -> dict[str, Any]:
    """The body of a new cat."""
    return {
        "name": f"{_faker.first_name()} {_faker.word().title()}",
        "slug": f"cat-{uuid.uuid4().hex[:12]}",
        "description": _faker.paragraph(),
        "version": "1.0.0",
        "endpoint_url": "https://cats.example.com/endpoint",
        "tags": ["testing"],
        "permissions": [STORAGE, NOTIFICATION],
        **changes,
    }


def cat(developer_id: uuid.UUID, **changes: Any) -> Cat:
    """A cat as a row."""
    values = {
        "developer_id": developer_id,
        "slug": f"cat-{uuid.uuid4().hex[:12]}",
        "name": _faker.first_name(),
        "description": _faker.sentence(),
        "version": "1.0.0",
        "endpoint_url": "https://cats.example.com/endpoint",
        "signing_root": "r1",
    }
    return Cat(id=uuid.uuid4(), **{**values, **changes})


def release(cat_id: uuid.UUID, **changes: Any) -> Release:
    """A release as a row."""
    values = {"cat_id": cat_id, "version": "1.0.0", "endpoint_url": "https://cats.example.com/endpoint"}
    return Release(id=uuid.uuid4(), **{**values, **changes})
