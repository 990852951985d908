"""Reading Clerk's session tokens: RS256, the exact issuer, known parties, keys from one pinned address."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from joserfc.jwk import RSAKey
from pydantic import TypeAdapter, ValidationError

from auth_service.accounts.schemas import Email
from auth_service.clerk.errors import ClerkClaimsMissingError, ClerkTokenInvalidError
from cathouse.identity import InvalidTokenError, RemoteJwks
from cathouse.identity.compact import read_claims, read_header
from cathouse.web import refuse_what_jsonb_refuses

ALGORITHM = "RS256"
TYPE = "JWT"
LONGEST_LIFE_S = 3600
"""Seconds; Clerk's own session tokens live 60."""

_LONG_AGO = dt.timedelta(days=1)
_LONGEST_AGE_MIN = 525_600
"""Minutes; a factor that was checked longer ago than a year is as good as never checked."""

_CATEGORIES = (None, "cl_B7d4PD111AAA", "cl_I7d4PD111III")
"""What the header says of a session token: nothing in older ones, or that an instance does not tell its tokens apart.

One key signs an instance's templates and machines' tokens as well; those are for somebody else, and may say anything.
https://github.com/clerk/javascript, packages/backend, isNonSessionJwtCategory
"""

_LONGEST_NAME = 80
_LONGEST_SUBJECT = 255

_email = TypeAdapter(Email)
_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClerkIdentity:
    """Who somebody is by Clerk's word.

    ``email`` is well-formed. ``authenticated_at`` is when Clerk last checked the first factor, ``has_second_factor``
    whether it has checked a second one in this session of its own.
    """

    clerk_user_id: str
    email: str
    email_verified: bool
    name: str | None
    authenticated_at: dt.datetime
    has_second_factor: bool


class ClerkTokens:
    """Checks the tokens of one Clerk instance."""

    def __init__(self, keys: RemoteJwks[RSAKey], *, issuer: str, parties: frozenset[str]) -> None:
        """``parties`` are the origins that Clerk may have made a token for (``azp``)."""
        self._keys = keys
        self._issuer = issuer
        self._parties = parties

    async def read(self, token: str) -> ClerkIdentity:
        """Whose token it is.

        Raises:
            ClerkTokenInvalidError: forged, foreign, expired, for another party, of a session that is not active, or of
                somebody who only acts as the person.
            ClerkClaimsMissingError: it does not say the address, or says something that is none.
            KeysUnavailableError: Clerk's keys could not be fetched.
        """
        try:
            header = read_header(token)
            kid = header.get("kid")
            key = await self._keys.find(kid) if isinstance(kid, str) else None
            if key is None:
                raise ClerkTokenInvalidError
            claims = read_claims(token, key, algorithm=ALGORITHM, typ=TYPE, longest_life_s=LONGEST_LIFE_S)
        except InvalidTokenError:
            raise ClerkTokenInvalidError from None
        if refusal := self._refusal(claims, header.get("cat")):
            # Signed by our Clerk: nobody is forging, somebody has to configure. The claims themselves are personal.
            _logger.warning("clerk.token_refused", claim=refusal)
            raise ClerkTokenInvalidError
        email = _read_email(claims.get("email"))
        missing = [
            name
            for name, is_there in (
                ("email", email is not None),
                ("email_verified", claims.get("email_verified") not in (None, "")),
            )
            if not is_there
        ]
        if email is None or missing:
            raise ClerkClaimsMissingError(missing)
        return _identity(email, claims)

    def _refusal(self, claims: Mapping[str, Any], category: object) -> str | None:
        """The claim for which the token is not accepted, or None."""
        party, subject = claims.get("azp"), claims.get("sub")
        holds = {
            "cat": category in _CATEGORIES,
            "iss": claims.get("iss") == self._issuer,
            "azp": isinstance(party, str) and party in self._parties,
            "sts": claims.get("sts", "active") == "active",
            # Clerk's administrators may look at an application as somebody else (RFC 8693): a session of ours would
            # outlive that, and nobody could tell.
            "act": claims.get("act") is None,
            "sub": isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT,
            "characters": _can_be_kept(claims),
        }
        return next((claim for claim, is_good in holds.items() if not is_good), None)


def _can_be_kept(claims: Mapping[str, Any]) -> bool:
    try:
        refuse_what_jsonb_refuses(dict(claims))
    except ValueError:
        return False
    return True


def _read_email(value: object) -> str | None:
    try:
        return _email.validate_python(value, strict=True)
    except ValidationError:
        return None


def _identity(email: str, claims: Mapping[str, Any]) -> ClerkIdentity:
    issued_at = dt.datetime.fromtimestamp(claims["iat"], dt.UTC)
    # Minutes since each factor was checked, -1 for never: https://clerk.com/docs/guides/sessions/session-tokens
    ages = claims.get("fva")
    first, second = ages if isinstance(ages, list) and len(ages) == 2 else (-1, -1)
    name = claims.get("name")
    verified = claims["email_verified"]
    return ClerkIdentity(
        clerk_user_id=claims["sub"],
        email=email,
        # A boolean; a template that puts it into other text gives text. Nothing else counts: 1 == True.
        email_verified=verified is True or verified == "true",
        name=name.strip()[:_LONGEST_NAME].rstrip() or None if isinstance(name, str) else None,
        authenticated_at=issued_at - (dt.timedelta(minutes=first) if _is_age(first) else _LONG_AGO),
        has_second_factor=_is_age(second),
    )


def _is_age(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LONGEST_AGE_MIN  # bool is an int as well
