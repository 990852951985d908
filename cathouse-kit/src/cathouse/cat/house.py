"""Cat House as a cat sees it: what it may do for one installation, as far as the player granted it."""

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from pydantic import AwareDatetime

from cathouse.cat.calls import Calls, encode, exchange, make_http, once
from cathouse.cat.messages import Callback, Part, Token
from cathouse.cat.signatures import SigningSecrets
from cathouse.cat.storage import Storage
from cathouse.cat.tasks import Tasks

EXTERNAL_TIMEOUT_S = 30.0
"""Seconds for a call to a host outside: Cat House gives up before."""


class Notification(Part):
    """What was put into the player's inbox."""

    id: uuid.UUID
    title: str
    body: str
    data: Any = None
    created_at: AwareDatetime


class CurrentInstallation(Part):
    """The installation as it is now."""

    id: uuid.UUID
    instance_name: str
    config: Any
    version: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExternalAnswer:
    """What a host outside answered; any status is an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


class House:
    """Calls for one installation.

    Every call raises a :class:`~cathouse.cat.errors.CallbackError` when it is refused or not answered.
    """

    def __init__(self, callback: Callback | None, *, http: httpx.AsyncClient | None = None) -> None:
        """``callback`` is a message's. Without ``http`` it has a client of its own: use ``async with``."""
        self._http = http or make_http()
        self._is_own = http is None
        self._calls = Calls(self._http, callback)
        self.storage = Storage(self._calls)
        self.tasks = Tasks(self._calls)

    async def notify(
        self,
        title: str,
        body: str,
        *,
        data: Any = None,  # noqa: ANN401 - any JSON value
        idempotency_key: str | None = None,
    ) -> Notification:
        """Tell the player something (permission ``notification``): one a second, a hundred a day.

        With the same ``idempotency_key`` it is sent once, however often this is called within a day.
        """
        document = encode({"title": title, "body": body, "data": data})
        path = "/api/v1/cat/notifications"
        made = await self._calls.send("POST", path, body=document, headers=once(idempotency_key))
        return Notification.model_validate(made)

    async def installation(self) -> CurrentInstallation:
        """The installation as it is now."""
        return CurrentInstallation.model_validate(await self._calls.send("GET", "/api/v1/cat/installation"))

    async def external(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        secret: str | None = None,
    ) -> ExternalAnswer:
        """Call a host that the release declares in ``egress_hosts`` (permission ``external_api``).

        ``secret`` is the name of a secret that the release declares; Cat House adds the player's value where the
        release says, and the cat never sees it.
        """
        request: dict[str, Any] = {"method": method, "url": url}
        if headers:
            request["headers"] = dict(headers)
        if isinstance(body, bytes):
            request |= {"body": base64.b64encode(body).decode(), "body_encoding": "base64"}
        elif body is not None:
            request |= {"body": body, "body_encoding": "utf-8"}
        if secret is not None:
            request["secret"] = secret
        answer = await self._calls.send(
            "POST", "/api/v1/cat/external", service="proxy", body=encode(request), timeout_s=EXTERNAL_TIMEOUT_S
        )
        return ExternalAnswer(answer["status"], answer["headers"], _content(answer))

    async def aclose(self) -> None:
        """Close the connections, where they are its own."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def request_token(
    proxy_url: str,
    installation_id: uuid.UUID | str,
    secret: str | Sequence[str] | SigningSecrets,
    *,
    http: httpx.AsyncClient | None = None,
) -> Token:
    """A token for an installation, for a cat that has something to do between two messages.

    ``proxy_url`` is that of an earlier message's callback.

    Raises:
        CallbackError: Cat House gave none, for instance because the installation is not active.
    """
    secrets = secret if isinstance(secret, SigningSecrets) else SigningSecrets(secret)
    body = encode({"installation_id": str(installation_id)})
    url = f"{proxy_url.rstrip('/')}/api/v1/cat/token"
    if http is not None:
        return Token.model_validate(await exchange(http, "POST", url, body=body, headers=secrets.sign(body)))
    async with make_http() as own:
        return Token.model_validate(await exchange(own, "POST", url, body=body, headers=secrets.sign(body)))


def _content(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body") or ""
    return base64.b64decode(body) if answer.get("body_encoding") == "base64" else str(body).encode()
