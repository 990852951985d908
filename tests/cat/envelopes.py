"""Messages as Cat House makes them, without Cat House."""

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_" + "bmV3" * 8
OLD_SECRET = "whsec_" + "b2xk" * 8
OTHER_SECRET = "whsec_" + "bm9u" * 8

Request = tuple[dict[str, str], bytes]


def document(kind: str, **parts: Any) -> dict[str, Any]:
    """An envelope; about an installation, unless it is a challenge or a ping."""
    common = {
        "type": kind,
        "id": f"msg_{uuid.uuid4().hex}",
        "created_at": "2026-11-25T16:00:00Z",
        "cat": {"id": str(uuid.uuid4()), "version": "1.2.3"},
    }
    if kind in ("challenge", "ping"):
        return {**common, **parts}
    about = {
        "installation": {"id": str(uuid.uuid4()), "instance_name": "Misty", "config": {"bowls": 2}},
        "player": {"id": str(uuid.uuid4()), "nickname": None, "timezone": "Europe/Berlin"},
        "permissions": ["storage"],
        "callback": None,
    }
    return {**common, **about, **parts}


def signed(
    kind: str,
    *,
    secrets: Sequence[str] = (SECRET,),
    age: dt.timedelta = dt.timedelta(),
    **parts: Any,
) -> Request:
    """The headers and the body of a message that was sent ``age`` ago."""
    envelope = document(kind, **parts)
    return sign(envelope["id"], json.dumps(envelope).encode(), secrets=secrets, age=age)


def sign(
    message_id: str, body: bytes, *, secrets: Sequence[str] = (SECRET,), age: dt.timedelta = dt.timedelta()
) -> Request:
    """A body, signed."""
    at = dt.datetime.now(dt.UTC) - age
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(each).sign(message_id, at, body.decode()) for each in secrets),
    }
    return headers, body
