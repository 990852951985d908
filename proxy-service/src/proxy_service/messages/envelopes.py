"""The JSON envelope: everything that a cat is told, and nothing else."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from cathouse.database import AnyRow
from cathouse.web import rfc3339


@dataclass(frozen=True, slots=True)
class CatIdentity:
    """Which cat, at which version."""

    id: uuid.UUID
    version: str


def new_message_id() -> str:
    """The webhook-id of a message: unique, and the same for every attempt to deliver it."""
    return message_id_of(uuid.uuid4())


def message_id_of(event_id: uuid.UUID) -> str:
    """The webhook-id of the message about an event, whoever makes it and how often."""
    return f"msg_{event_id.hex}"


def envelope(
    message_id: str,
    kind: str,
    cat: CatIdentity,
    *,
    created_at: dt.datetime | None = None,
    **parts: Any,  # noqa: ANN401 - any JSON value
) -> bytes:
    """The body of a message of type ``kind``; ``parts`` are the members that this type adds.

    ``created_at`` is when what it tells happened: now, when nothing else is said.
    """
    document = {
        "type": kind,
        "id": message_id,
        "created_at": rfc3339(created_at or dt.datetime.now(dt.UTC)),
        "cat": {"id": str(cat.id), "version": cat.version},
        **parts,
    }
    return to_json(document)


def installation_parts(target: AnyRow) -> dict[str, Any]:
    """The members of every message about an installation, from a row of ``repository.select_targets``.

    ``player`` is null when the player was erased, and the alias with them.
    """
    player = None
    if target.alias is not None:
        player = {"id": str(target.alias), "nickname": target.nickname, "timezone": target.timezone}
    return {
        "installation": {"id": str(target.id), "instance_name": target.instance_name, "config": target.config},
        "player": player,
        "permissions": sorted(target.granted),
    }
