"""Stored values as answers."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from cathouse.web import Moment


class StoredView(BaseModel):
    """That a value was kept, and under which revision."""

    model_config = ConfigDict(title="Stored")

    key: str
    revision: int


class StoredValueView(StoredView):
    """A value."""

    model_config = ConfigDict(title="StoredValue")

    value: Any
    updated_at: Moment


class StoredKeyView(BaseModel):
    """A key in a list."""

    model_config = ConfigDict(title="StoredKey")

    key: str
    revision: int
    updated_at: Moment
