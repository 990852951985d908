"""Codes: those that an authenticator app shows, and those that were written down."""

import hashlib
import hmac
import secrets
import time

import pyotp

STEP_S = 30
DRIFT = 1
"""Steps before and after the present one that are accepted: RFC 6238 section 5.2 advises one."""

RECOVERY_CODES = 10

_ISSUER = "Cat House"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without characters that are mistaken for one another."""

_GROUPS, _GROUP = 3, 5
"""15 characters: 74 bits, so that a hash without a salt gives nothing away."""


def make_secret() -> str:
    """A new secret, in base32 as apps take it: 160 bits, RFC 4226 section 4."""
    return pyotp.random_base32()


def otpauth_url(secret: str, *, email: str) -> str:
    """What is drawn as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)


def is_totp(code: str) -> bool:
    """Whether it is written like what an app shows, and not like a recovery code."""
    digits = code.replace(" ", "")
    return len(digits) == 6 and digits.isascii() and digits.isdigit()


def step_of(secret: str, code: str) -> int | None:
    """The time step that ``code`` belongs to, or None when it is not of one near now."""
    if not is_totp(code):
        return None
    digits = code.replace(" ", "")
    totp = pyotp.TOTP(secret)
    now = int(time.time()) // STEP_S
    # All are looked at, whichever fits: the time it takes tells nothing.
    fitting = [
        step for step in range(now - DRIFT, now + DRIFT + 1) if hmac.compare_digest(totp.generate_otp(step), digits)
    ]
    return fitting[-1] if fitting else None


def make_recovery_codes() -> list[str]:
    """A new set of codes that are good once each."""
    return [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def recovery_hash(code: str) -> bytes:
    """What is kept of a recovery code; it may be written with other signs between its groups, or capitals."""
    return hashlib.sha256("".join(filter(str.isalnum, code.lower())).encode()).digest()
