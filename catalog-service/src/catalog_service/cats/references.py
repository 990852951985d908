"""How a path names a cat."""

import uuid
from typing import Annotated

from fastapi import Path

from cathouse.web import SafeText

Reference = Annotated[SafeText, Path(alias="cat_id", description="A cat's id or slug.", max_length=80)]


def read_reference(reference: str) -> uuid.UUID | str:
    """The id, or what can only be a slug."""
    try:
        return uuid.UUID(reference)
    except ValueError:
        return reference
