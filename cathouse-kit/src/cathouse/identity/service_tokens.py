"""How one service proves to another who it is: a token of a minute under the pair's own key."""

import time
import uuid

from joserfc.jwk import OctKey

from cathouse.identity.compact import read_claims, read_header, sign
from cathouse.identity.errors import InvalidTokenError
from cathouse.identity.keys import Keyring

LIFE_S = 60

_ALGORITHM = "HS256"
_TYPE = "service+jwt"


def issue_service_token(keyring: Keyring, *, caller: str, callee: str) -> str:
    """A token that lets ``caller`` call ``callee`` during the next minute."""
    kid, secret = keyring.current
    now = int(time.time())
    claims = {"iss": caller, "aud": callee, "iat": now, "exp": now + LIFE_S, "jti": uuid.uuid4().hex}
    return sign(claims, OctKey.import_key(secret), algorithm=_ALGORITHM, typ=_TYPE, kid=kid)


def verify_service_token(token: str, keyring: Keyring, *, caller: str, callee: str) -> None:
    """Make sure that ``caller`` made this token for ``callee``.

    Raises:
        InvalidTokenError: when it did not.
    """
    secret = keyring.find(str(read_header(token).get("kid")))
    if secret is None:
        raise InvalidTokenError
    claims = read_claims(token, OctKey.import_key(secret), algorithm=_ALGORITHM, typ=_TYPE, longest_life_s=LIFE_S)
    if claims.get("iss") != caller or claims.get("aud") != callee:
        raise InvalidTokenError
