"""Everything that is said to a cat leaves by here: made, signed, and sent to the endpoint of its release."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cathouse.database import AnyRow
from cathouse.identity import Keyring
from cathouse.web import Call, calling
from proxy_service.egress.answers import Answer
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.phases import Phases
from proxy_service.egress.requests import OutsideRequest
from proxy_service.messages.callbacks import Callbacks
from proxy_service.messages.envelopes import CatIdentity, envelope, installation_parts, new_message_id
from proxy_service.messages.signatures import SigningState, signed_headers

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Message:
    """A message, ready to be signed and sent. ``timeout_s`` is what the release declares."""

    id: str
    cat_id: uuid.UUID
    endpoint_url: str
    timeout_s: float
    body: bytes = field(repr=False)
    signing: SigningState


class Messenger:
    """Makes messages to cats and sends them."""

    def __init__(self, outside: OutsideClient, *, signing_keys: Keyring, callbacks: Callbacks) -> None:
        self._outside = outside
        self._signing_keys = signing_keys
        self._callbacks = callbacks

    def about_installation(
        self,
        target: AnyRow,
        kind: str,
        *,
        message_id: str | None = None,
        created_at: dt.datetime | None = None,
        **parts: Any,  # noqa: ANN401 - any JSON value
    ) -> Message:
        """A message about the installation of a row of ``repository.select_targets``; a new one without an id."""
        parts = {**installation_parts(target), **parts, "callback": self._callbacks.offer(target)}
        return _message(target, kind, parts, message_id=message_id, created_at=created_at)

    def about_release(self, release: AnyRow, kind: str, **parts: Any) -> Message:  # noqa: ANN401 - any JSON value
        """A message to the endpoint of a row of ``repository.select_releases``, about no installation."""
        return _message(release, kind, parts)

    @asynccontextmanager
    async def send(self, message: Message, *, phases: Phases | None = None) -> AsyncIterator[Answer]:
        """Sign the message as of now and send it; see :meth:`OutsideClient.call` for what comes back.

        Raises:
            SigningRootRetiredError: nothing is sent.
        """
        with _calling(message) as call:
            request = self._sign(message, _JSON, call)
            async with self._outside.call(request, timeout_s=message.timeout_s, phases=phases) as answer:
                call.answered(answer.status)
                yield answer

    async def begin(self, message: Message, *, accept: str) -> Answer:
        """The same for an answer that may be a stream, which outlives its call: :meth:`OutsideClient.begin`."""
        with _calling(message) as call:
            answer = await self._outside.begin(self._sign(message, accept, call), timeout_s=message.timeout_s)
            call.answered(answer.status)
            return answer

    def _sign(self, message: Message, accept: str, call: Call) -> OutsideRequest:
        signature = signed_headers(self._signing_keys, message.signing, message_id=message.id, body=message.body)
        headers = {"Content-Type": _JSON, "Accept": accept, **signature, **call.headers()}
        return OutsideRequest(message.cat_id, message.endpoint_url, headers, message.body)


def _calling(message: Message) -> AbstractContextManager[Call]:
    return calling("POST cat", **{"cathouse.cat_id": message.cat_id, "cathouse.message_id": message.id})


def _message(
    row: AnyRow,
    kind: str,
    parts: dict[str, Any],
    *,
    message_id: str | None = None,
    created_at: dt.datetime | None = None,
) -> Message:
    message_id = message_id or new_message_id()
    body = envelope(message_id, kind, CatIdentity(row.cat_id, row.version), created_at=created_at, **parts)
    return Message(message_id, row.cat_id, row.endpoint_url, row.timeout_s, body, SigningState.of(row))
