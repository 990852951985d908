"""Making the pair of tokens that a log-in or a refresh gives."""

import datetime as dt
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auth_service.jwt_secrets import JwtSecrets
from auth_service.sessions.errors import RefreshTokenInvalidError
from auth_service.sessions.refresh_tokens import make_refresh_token
from auth_service.sessions.schemas import Tokens
from auth_service.signing_keys.service import SigningKeys
from cathouse.identity.access_tokens import ALGORITHM, LIFE_S, TYPE
from cathouse.identity.compact import sign
from cathouse.schema.ownership import SERVICES


@dataclass(frozen=True, slots=True)
class Granted:
    """A session whose next pair of tokens can be made."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    role: str
    authenticated_at: dt.datetime
    amr: list[str]
    key_id: str
    counter: int
    idle_expires_at: dt.datetime


class TokenIssuer:
    """Signs access tokens (RFC 9068), and recomputes refresh tokens."""

    def __init__(self, keys: SigningKeys, secrets: JwtSecrets, *, issuer: str) -> None:
        """``issuer`` is the ``iss`` of every access token."""
        self._keys = keys
        self._secrets = secrets
        self._issuer = issuer

    async def issue(self, granted: Granted) -> Tokens:
        """The pair for a session.

        Raises:
            RefreshTokenInvalidError: the JWT_SECRET of the session was taken off the list.
            NoSigningKeyError
        """
        secret = self._secrets.find(granted.key_id)
        if secret is None:
            raise RefreshTokenInvalidError
        access_token = await self.access_token(
            user_id=granted.user_id,
            role=granted.role,
            authenticated_at=granted.authenticated_at,
            amr=granted.amr,
            sid=str(granted.session_id),
        )
        return Tokens(
            access_token=access_token,
            expires_in=LIFE_S,
            refresh_token=make_refresh_token(granted.session_id, granted.counter, secret.refresh_key),
            refresh_expires_in=max(0, int(granted.idle_expires_at.timestamp() - time.time())),
        )

    async def access_token(
        self,
        *,
        user_id: uuid.UUID,
        role: str,
        authenticated_at: dt.datetime,
        amr: Sequence[str],
        life_s: int = LIFE_S,
        **claims: Any,  # noqa: ANN401 - any JSON value
    ) -> str:
        """An access token; ``claims`` come on top: ``sid`` of a session, ``scope`` of an API key.

        Raises:
            NoSigningKeyError
        """
        kid, key = await self._keys.signing_key()
        now = int(time.time())
        body = {
            "iss": self._issuer,
            "sub": str(user_id),
            "aud": list(SERVICES),
            "iat": now,
            "exp": now + life_s,
            "jti": uuid.uuid4().hex,
            "role": role,
            "auth_time": int(authenticated_at.timestamp()),
            "amr": list(amr),
            **claims,
        }
        return sign(body, key, algorithm=ALGORITHM, typ=TYPE, kid=kid)
