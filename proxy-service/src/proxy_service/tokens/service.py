"""The rules of tokens that cats ask for."""

import datetime as dt
import uuid

from cathouse.database import Database
from cathouse.identity import InstallationNotActiveError, Keyring, SignedRequest, check_active
from cathouse.web import Limiter, Rates, parse_rates
from proxy_service.messages.callbacks import Callbacks
from proxy_service.messages.repository import find_target
from proxy_service.messages.signatures import SigningState, is_signed
from proxy_service.tokens.errors import InvalidSignatureError, MessageUsedError
from proxy_service.tokens.used_messages import UsedMessages

RATES: Rates = parse_rates("60/minute")
"""For each installation."""


class TokenService:
    """Gives tokens to cats that prove who they are."""

    def __init__(self, database: Database, *, signing_keys: Keyring, callbacks: Callbacks, limiter: Limiter) -> None:
        self._database = database
        self._signing_keys = signing_keys
        self._callbacks = callbacks
        self._limiter = limiter
        self._used = UsedMessages()

    async def issue(self, installation_id: uuid.UUID, signed: SignedRequest) -> tuple[str, dt.datetime]:
        """A token for the installation, with what is granted now, and when it ends.

        Raises:
            InvalidSignatureError: also when there is no such installation.
            MessageUsedError, InstallationNotActiveError, RateLimitedError
            SigningRootRetiredError: nobody can sign for the cat until its secret is rotated.
        """
        if not all(signed.headers.values()):
            raise InvalidSignatureError
        target = await self._database.read(lambda session: find_target(session, installation_id))
        if target is None or not is_signed(
            self._signing_keys, SigningState.of(target), headers=signed.headers, body=signed.body
        ):
            raise InvalidSignatureError
        message_id = signed.headers["webhook-id"]
        if self._used.is_used(target.cat_id, message_id):
            raise MessageUsedError
        check_active(target)
        if target.release_id is None:
            raise InstallationNotActiveError
        await self._limiter.hit(f"token/{installation_id}", RATES)
        if not self._used.use(target.cat_id, message_id):
            raise MessageUsedError
        return self._callbacks.issue(target)
