"""Tokens that go out by mail: 256 bits of chance, kept as their SHA-256, spent once (design/security.md)."""

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass

from cathouse.schema import TokenPurpose

PREFIX = "cho_"

LIVES = {
    TokenPurpose.VERIFY_EMAIL: dt.timedelta(hours=24),
    TokenPurpose.CHANGE_EMAIL: dt.timedelta(hours=24),
    TokenPurpose.RESET_PASSWORD: dt.timedelta(hours=1),
}


@dataclass(frozen=True, slots=True, repr=False)
class NewToken:
    """A token that was just made: ``text`` for the mail, the rest for the database."""

    text: str
    hash: bytes
    purpose: TokenPurpose
    expires_at: dt.datetime


def make_token(purpose: TokenPurpose) -> NewToken:
    """A token for ``purpose``."""
    text = PREFIX + secrets.token_urlsafe(32)
    return NewToken(text, hash_of(text), purpose, dt.datetime.now(dt.UTC) + LIVES[purpose])


def hash_of(text: str) -> bytes:
    """What is kept of a token. Without a salt: chance of 256 bits cannot be guessed."""
    return hashlib.sha256(text.encode()).digest()
