"""How a path names a cat."""

import uuid
from typing import Annotated

from fastapi import Depends, Path

from cathouse.web import SafeText


async def _read(
    cat_id: Annotated[SafeText, Path(description="A cat's id or slug.", max_length=80)],
) -> uuid.UUID | str:
    try:
        return uuid.UUID(cat_id)
    except ValueError:
        return cat_id


Reference = Annotated[uuid.UUID | str, Depends(_read)]
"""A cat's id, or what can only be a slug."""
