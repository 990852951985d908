"""Access tokens (RFC 9068): what is in them, and how a service checks one without asking anybody."""

import datetime as dt
import hashlib
import time
import uuid
from collections import OrderedDict
from typing import Any

from cathouse.identity.compact import LEEWAY_S, read_claims, read_header
from cathouse.identity.errors import InvalidTokenError
from cathouse.identity.jwks import PublicKeys
from cathouse.identity.principal import Principal
from cathouse.schema import Role

ALGORITHM = "ES256"
TYPE = "at+jwt"
LIFE_S = 600
LONGEST_LIFE_S = 3600

_REMEMBERED = 10_000


class AccessTokenVerifier:
    """Checks access tokens for one service, remembering those that it has checked until they end."""

    def __init__(self, keys: PublicKeys, *, issuer: str, audience: str) -> None:
        """``audience`` is this service's own name: a token is for all of them."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._checked: OrderedDict[bytes, tuple[Principal, int]] = OrderedDict()
        self._generation = -1

    async def verify(self, token: str) -> Principal:
        """Who sent ``token``.

        Raises:
            InvalidTokenError: forged, foreign, expired, or not an access token.
            KeysUnavailableError: auth-service's keys are not known.
        """
        if self._keys.generation != self._generation:
            self._checked.clear()
            self._generation = self._keys.generation
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        remembered = self._checked.get(digest)
        if remembered is not None:
            principal, expires = remembered
            if expires + LEEWAY_S > time.time():
                return principal
            del self._checked[digest]
        principal, expires = await self._check(token)
        self._checked[digest] = (principal, expires)
        if len(self._checked) > _REMEMBERED:
            self._checked.popitem(last=False)
        return principal

    async def _check(self, token: str) -> tuple[Principal, int]:
        kid = read_header(token).get("kid")
        if not isinstance(kid, str):
            raise InvalidTokenError
        key = await self._keys.find(kid)
        if key is None:
            raise InvalidTokenError
        claims = read_claims(token, key, algorithm=ALGORITHM, typ=TYPE, longest_life_s=LONGEST_LIFE_S)
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self._issuer or self._audience not in audiences:
            raise InvalidTokenError
        return _principal(claims), claims["exp"]


def _principal(claims: dict[str, Any]) -> Principal:
    try:
        scope = claims.get("scope")
        return Principal(
            user_id=uuid.UUID(claims["sub"]),
            role=Role(claims["role"]),
            session_id=uuid.UUID(claims["sid"]) if claims.get("sid") else None,
            authenticated_at=dt.datetime.fromtimestamp(claims["auth_time"], dt.UTC),
            expires_at=dt.datetime.fromtimestamp(claims["exp"], dt.UTC),
            scopes=frozenset(scope.split()) if scope is not None else None,
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidTokenError from None
