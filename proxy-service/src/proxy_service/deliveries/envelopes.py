"""The JSON envelope: everything that a cat is told, and nothing else."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CatIdentity:
    """Which cat, at which version."""

    id: uuid.UUID
    version: str


def new_message_id() -> str:
    """The webhook-id of a message: unique, and the same for every attempt to deliver it."""
    return f"msg_{uuid.uuid4().hex}"


def envelope(message_id: str, kind: str, cat: CatIdentity, **parts: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The body of a message of type ``kind``; ``parts`` are the members that this type adds."""
    document = {
        "type": kind,
        "id": message_id,
        "created_at": dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z"),
        "cat": {"id": str(cat.id), "version": cat.version},
        **parts,
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
