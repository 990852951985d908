"""Installations."""

import uuid
from typing import Any

from faker import Faker

from cathouse.schema import Installation

_faker = Faker()


def installation(user_id: uuid.UUID, cat_id: uuid.UUID, **changes: Any) -> Installation:
    """An installation as a row."""
    values = {"user_id": user_id, "cat_id": cat_id, "consent_epoch": 1, "instance_name": _faker.first_name()}
    return Installation(id=uuid.uuid4(), **{**values, **changes})
