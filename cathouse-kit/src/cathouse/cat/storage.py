"""What a cat keeps for one installation (permission ``storage``)."""

import re
from collections.abc import AsyncIterator
from typing import Any

from pydantic import AwareDatetime

from cathouse.cat.calls import Calls, encode
from cathouse.cat.errors import CallbackError
from cathouse.cat.messages import Part

_PATH = "/api/v1/cat/storage"
_KEY = re.compile(r"[A-Za-z0-9._/-]{1,128}")
_NOT_FOUND = 404


class StoredKey(Part):
    """A key, and which revision of its value is there."""

    key: str
    revision: int
    updated_at: AwareDatetime


class StoredValue(StoredKey):
    """A value."""

    value: Any


class Storage:
    """JSON values by key: 64 KiB each, a thousand of them. A key has 1 to 128 characters of A-Z a-z 0-9 . _ - /."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def get(self, key: str) -> StoredValue | None:
        """The value, or None when there is none."""
        try:
            found = await self._calls.send("GET", _path(key))
        except CallbackError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return StoredValue.model_validate(found)

    async def put(self, key: str, value: Any, *, if_match: int | None = None) -> int:  # noqa: ANN401 - any JSON value
        """Keep a value, and return its revision. With ``if_match``, only in the place of that revision.

        Raises:
            RevisionMismatchError: another one is there. QuotaError: there are a thousand keys.
        """
        kept = await self._calls.send("PUT", _path(key), body=encode(value), headers=_condition(if_match))
        return int(kept["revision"])

    async def delete(self, key: str, *, if_match: int | None = None) -> bool:
        """Remove a value, and say whether there was one.

        Raises:
            RevisionMismatchError: another revision than ``if_match`` is there.
        """
        try:
            await self._calls.send("DELETE", _path(key), headers=_condition(if_match))
        except CallbackError as error:
            if error.status == _NOT_FOUND:
                return False
            raise
        return True

    async def list(self, prefix: str = "") -> AsyncIterator[StoredKey]:
        """All keys that begin with ``prefix``, in order."""
        async for item in self._calls.pages(_PATH, {"prefix": prefix}):
            yield StoredKey.model_validate(item)


def _path(key: str) -> str:
    # A client takes . and .. out of a path: a key made of what a player said must not lead to another call.
    if not _KEY.fullmatch(key) or any(part in (".", "..") for part in key.split("/")):
        raise ValueError("a key has 1 to 128 characters of A-Z a-z 0-9 . _ - / and no part of it is . or ..")
    return f"{_PATH}/{key}"


def _condition(if_match: int | None) -> dict[str, str]:
    return {} if if_match is None else {"If-Match": f'"{if_match}"'}
