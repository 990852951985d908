"""Accounts."""

import uuid
from typing import Any

from faker import Faker

from cathouse.schema import Role, User

PASSWORD = "correct horse battery staple"

_faker = Faker()


def email() -> str:
    """An address that nobody else has."""
    return f"{_faker.user_name()}.{uuid.uuid4().hex[:8]}@example.com"


def registration(**changes: Any) -> dict[str, Any]:
    """The body of a registration."""
    return {"email": email(), "password": PASSWORD, "display_name": _faker.name()[:80], **changes}


def user(**changes: Any) -> User:
    """An account as a row; it has no password unless one is given."""
    address = email()
    values = {"email": address, "email_key": address.lower(), "display_name": _faker.name()[:80], "role": Role.PLAYER}
    return User(id=uuid.uuid4(), **{**values, **changes})
