"""A word passed on with what proxy-service owes: who may say it is looked up, it is signed, a token goes along.

The shortest usual way to that: a bare ASGI application, asyncpg, aiohttp, and the libraries for both signatures. Left
out beside proxy-service: the check of the player's token, limits, breakers, the address that a name leads to, reports
and logs.
"""

import base64
import datetime as dt
import json
import os
import time
import uuid
from typing import Any

import aiohttp
import asyncpg
from joserfc import jws
from joserfc.jwk import OctKey
from standardwebhooks import Webhook
from starlette.types import Receive, Scope, Send

from benchmarks.baselines.serving import serve

CAT_URL = os.environ["CAT_URL"]

QUERY = """
    SELECT installations.id, installations.instance_name, installations.config, installations.status,
        installations.developer_suspended_at, installations.operator_suspended_at, installations.grant_generation,
        cats.id AS cat_id, cats.status AS cat_status, effective.id AS release_id, effective.version,
        player_aliases.alias, user_preferences.nickname, users.timezone,
        (
            SELECT coalesce(array_agg(permissions.permission_type), '{}')
            FROM cathouse.installation_permissions JOIN cathouse.permissions
                ON permissions.id = installation_permissions.permission_id
            WHERE installation_permissions.installation_id = installations.id AND installation_permissions.granted
        ) AS granted
    FROM cathouse.installations
    JOIN cathouse.cats ON cats.id = installations.cat_id
    JOIN cathouse.users ON users.id = installations.user_id
    JOIN LATERAL (
        SELECT releases.id, releases.version FROM cathouse.releases
        WHERE releases.cat_id = cats.id AND releases.published_at IS NOT NULL
        ORDER BY releases.precedence DESC LIMIT 1
    ) AS effective ON true
    LEFT JOIN cathouse.player_aliases
        ON player_aliases.user_id = installations.user_id AND player_aliases.cat_id = cats.id
    LEFT JOIN cathouse.user_preferences ON user_preferences.user_id = installations.user_id
    WHERE installations.id = $1 AND installations.user_id = $2"""

_SECRET = os.urandom(32)
_KEY = OctKey.import_key(_SECRET)
_WEBHOOK = Webhook(f"whsec_{base64.b64encode(_SECRET).decode()}")


class SigningProxy:
    """The application; its client and its one connection, proxy-service's share, are opened and closed with it."""

    _client: aiohttp.ClientSession
    _pool: Any  # asyncpg's pool is generic to type checkers only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await receive()
            database, settings = os.environ["DATABASE_URL"], {"jit": "off"}
            async with (
                asyncpg.create_pool(database, min_size=1, max_size=1, server_settings=settings) as self._pool,
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as self._client,
            ):
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["method"] == "POST":
            await self._pass(scope, receive, send)
        else:
            await _answer(send, 200, "application/json", b"{}")

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, goes_on = b"", True
        while goes_on:
            message = await receive()
            body += message.get("body", b"")
            goes_on = message.get("more_body", False)
        installation_id = uuid.UUID(scope["path"].split("/")[4])
        row = await self._pool.fetchrow(QUERY, installation_id, _player(scope))
        if row is None:
            await _answer(send, 404, "application/json", b"{}")
            return
        message_id, now = f"msg_{uuid.uuid4().hex}", dt.datetime.now(dt.UTC)
        said = json.dumps(_envelope(row, message_id, now, json.loads(body)["input"]))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": _WEBHOOK.sign(message_id, now, said),
        }
        async with self._client.post(CAT_URL, data=said, headers=headers) as answer:
            output = await answer.read()
            json.loads(output)["output"]
            await _answer(send, answer.status, answer.headers["Content-Type"], output)


def _player(scope: Scope) -> uuid.UUID:
    """Who says that they are the player: believed as it stands there."""
    claims = dict(scope["headers"])[b"authorization"].split(b".")[1]
    return uuid.UUID(json.loads(base64.urlsafe_b64decode(claims + b"=="))["sub"])


def _envelope(row: Any, message_id: str, now: dt.datetime, said: Any) -> dict[str, Any]:  # noqa: ANN401 - a record, JSON
    claims = {
        "inst": str(row["id"]),
        "cat": str(row["cat_id"]),
        "rel": str(row["release_id"]),
        "scp": sorted(row["granted"]),
        "gen": row["grant_generation"],
        "exp": int(time.time()) + 300,
        "jti": uuid.uuid4().hex,
    }
    token = jws.serialize_compact({"alg": "HS256"}, json.dumps(claims).encode(), _KEY, algorithms=["HS256"])
    return {
        "type": "interaction",
        "id": message_id,
        "created_at": now.isoformat(),
        "cat": {"id": str(row["cat_id"]), "version": row["version"]},
        "installation": {
            "id": str(row["id"]),
            "instance_name": row["instance_name"],
            "config": json.loads(row["config"]),
        },
        "player": {"id": str(row["alias"]), "nickname": row["nickname"], "timezone": row["timezone"]},
        "permissions": sorted(row["granted"]),
        "input": said,
        "callback": {"token": token, "installation_url": "http://127.0.0.1", "proxy_url": "http://127.0.0.1"},
    }


async def _answer(send: Send, status: int, media_type: str, body: bytes) -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    serve(SigningProxy())
