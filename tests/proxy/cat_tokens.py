"""How a cat asks for a token between two messages."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping

import httpx
from standardwebhooks import Webhook

from tests.fixtures.house import House

TOKEN = "/api/v1/cat/token"


def signed(
    secret: str,
    installation_id: object,
    *,
    message_id: str | None = None,
    at: dt.datetime | None = None,
) -> tuple[bytes, dict[str, str]]:
    """A body and its headers."""
    at = at or dt.datetime.now(dt.UTC)
    message_id = message_id or f"msg_{uuid.uuid4().hex}"
    body = json.dumps({"installation_id": str(installation_id)})
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
        "Content-Type": "application/json",
    }
    return body.encode(), headers


async def ask(house: House, body: bytes, headers: Mapping[str, str], *, expect: int) -> httpx.Response:
    answer = await house.http.post(f"{house.urls['proxy']}{TOKEN}", content=body, headers=headers)
    assert answer.status_code == expect, answer.text
    return answer
