"""The token with which a cat calls us back about one installation."""

import datetime as dt
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache

from joserfc.jwk import OctKey

from cathouse.identity.compact import read_claims, read_header, sign
from cathouse.identity.errors import InvalidTokenError
from cathouse.identity.keys import Keyring
from cathouse.schema import PermissionType

PREFIX = "chi_"
LIFE_S = 300

_ALGORITHM = "HS256"
_TYPE = "callback+jwt"


@dataclass(frozen=True, slots=True)
class CallbackToken:
    """What a callback token says.

    ``scopes`` are the permissions that were granted when it was made; whoever accepts it compares them with what is
    granted now. ``generation`` counts the revocations that it knows of, and decides nothing.
    """

    installation_id: uuid.UUID
    cat_id: uuid.UUID
    release_id: uuid.UUID
    scopes: frozenset[PermissionType]
    generation: int
    expires_at: dt.datetime


def issue_callback_token(
    keyring: Keyring,
    *,
    installation_id: uuid.UUID,
    cat_id: uuid.UUID,
    release_id: uuid.UUID,
    scopes: frozenset[PermissionType],
    generation: int,
) -> tuple[str, dt.datetime]:
    """A token of five minutes, and when it ends."""
    kid, secret = keyring.current
    now = int(time.time())
    claims = {
        "inst": str(installation_id),
        "cat": str(cat_id),
        "rel": str(release_id),
        "scp": sorted(scopes),
        "gen": generation,
        "iat": now,
        "exp": now + LIFE_S,
        "jti": uuid.uuid4().hex,
    }
    token = sign(claims, _key(secret), algorithm=_ALGORITHM, typ=_TYPE, kid=kid)
    return PREFIX + token, dt.datetime.fromtimestamp(now + LIFE_S, dt.UTC)


_key = lru_cache(maxsize=16)(OctKey.import_key)
"""The few keys of a ring as the library wants them; to make one takes longer than to sign with it."""


def read_callback_token(token: str, keyring: Keyring) -> CallbackToken:
    """What a cat's token says.

    Raises:
        InvalidTokenError: forged, expired, or another kind of token.
    """
    if not token.startswith(PREFIX):
        raise InvalidTokenError
    compact = token.removeprefix(PREFIX)
    secret = keyring.find(str(read_header(compact).get("kid")))
    if secret is None:
        raise InvalidTokenError
    claims = read_claims(compact, _key(secret), algorithm=_ALGORITHM, typ=_TYPE, longest_life_s=LIFE_S)
    try:
        return CallbackToken(
            installation_id=uuid.UUID(claims["inst"]),
            cat_id=uuid.UUID(claims["cat"]),
            release_id=uuid.UUID(claims["rel"]),
            scopes=frozenset(PermissionType(scope) for scope in claims["scp"]),
            generation=int(claims["gen"]),
            expires_at=dt.datetime.fromtimestamp(claims["exp"], dt.UTC),
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        raise InvalidTokenError from None
