"""Reading compact JWS tokens strictly: what RFC 8725 asks for and joserfc leaves to its caller."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.util import urlsafe_b64decode

from cathouse.identity.errors import InvalidTokenError

LEEWAY_S = 30
LONGEST_TOKEN = 4096

_FORBIDDEN_HEADERS = {"crit", "jwk", "jku", "x5u", "x5c", "b64"}


def read_header(token: str) -> dict[str, Any]:
    """The header of ``token``, not yet to be believed.

    Raises:
        InvalidTokenError: when it is malformed, names a key by value or by address, or wants an extension.
    """
    if len(token) > LONGEST_TOKEN or token.count(".") != 2 or not token.isascii():
        raise InvalidTokenError
    header = _strict_object(_decode(token.split(".", 1)[0]))
    if _FORBIDDEN_HEADERS & header.keys():
        raise InvalidTokenError
    return header


def read_claims(
    token: str, key: ECKey | OctKey | RSAKey, *, algorithm: str, typ: str, longest_life_s: int
) -> dict[str, Any]:
    """The claims of ``token``, after its signature, type and times were checked.

    Raises:
        InvalidTokenError: whatever is wrong.
    """
    header = read_header(token)
    if header.get("alg") != algorithm or header.get("typ") != typ:
        raise InvalidTokenError
    try:
        # Parameters that nobody knows are ignored (RFC 7515 section 4); joserfc would refuse them, and with Clerk's
        # `cat` every token of Clerk's.
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        verified = jws.deserialize_compact(token, key, registry=registry)
    except (JoseError, ValueError, TypeError):
        raise InvalidTokenError from None
    claims = _strict_object(verified.payload)
    _check_times(claims, longest_life_s)
    return claims


def sign(claims: Mapping[str, Any], key: ECKey | OctKey, *, algorithm: str, typ: str, kid: str) -> str:
    """A compact token over ``claims``."""
    payload = json.dumps(claims, separators=(",", ":")).encode()
    header = {"alg": algorithm, "typ": typ, "kid": kid}
    return jws.serialize_compact(header, payload, key, algorithms=[algorithm])


def _check_times(claims: Mapping[str, Any], longest_life_s: int) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:  # bool is an int, a string or a float is neither
        raise InvalidTokenError
    now = time.time()
    if expires + LEEWAY_S <= now or issued - LEEWAY_S > now or not 0 < expires - issued <= longest_life_s:
        raise InvalidTokenError
    not_before = claims.get("nbf")
    if not_before is not None and (type(not_before) is not int or not_before - LEEWAY_S > now):
        raise InvalidTokenError


def _decode(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment.encode())
    except ValueError:
        raise InvalidTokenError from None


def _strict_object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise InvalidTokenError from None
    if not isinstance(value, dict):
        raise InvalidTokenError
    return value


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members
