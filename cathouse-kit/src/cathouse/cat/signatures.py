"""Standard Webhooks, by the stock library: what comes in is checked, what a cat asks unprompted is signed."""

import base64
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

from standardwebhooks import Webhook, WebhookVerificationError

from cathouse.cat.errors import InvalidSignatureError

PREFIX = "whsec_"
SHORTEST_KEY = 24
"""Bytes; Standard Webhooks 1.0, "Signature scheme"."""


class SigningSecrets:
    """A cat's secrets, the newest first: one, or during a rotation several. They cannot be read back."""

    __slots__ = ("_webhooks",)

    def __init__(self, secret: str | Sequence[str]) -> None:
        """``secret`` is ``whsec_…``, as the catalog shows it to the cat's owner.

        Raises:
            ValueError: it is none.
        """
        given = [secret] if isinstance(secret, str) else list(secret)
        if not given:
            raise ValueError("a cat has at least one signing secret")
        self._webhooks = [_webhook(each.strip()) for each in given]

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Return when the message is Cat House's and no older than five minutes.

        Raises:
            InvalidSignatureError: otherwise.
        """
        reason = ""
        for webhook in self._webhooks:
            try:
                webhook.verify(body, dict(headers), json_parse=False)
            except WebhookVerificationError as error:
                reason = str(error)
            except ValueError:  # the library lets through what base64, UTF-8 or a comma too few make of it
                reason = "Malformed signature headers or body"
            else:
                return
        raise InvalidSignatureError(reason)

    def sign(self, body: bytes) -> dict[str, str]:
        """The three headers of a request that the cat makes, by its newest secret."""
        message_id = f"msg_{uuid.uuid4().hex}"
        now = dt.datetime.now(dt.UTC)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhooks[0].sign(message_id, now, body.decode()),
        }


def _webhook(secret: str) -> Webhook:
    key = secret.removeprefix(PREFIX)
    try:
        length = len(base64.b64decode(key + "=" * (-len(key) % 4), validate=True))
    except ValueError:
        length = 0
    if not secret.startswith(PREFIX) or length < SHORTEST_KEY:
        raise ValueError(f"a signing secret begins with {PREFIX}, and {SHORTEST_KEY} bytes or more in base64 follow")
    return Webhook(secret)
