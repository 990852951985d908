"""What an API key is: ``chk_``, eight signs that name it, and 256 bits of chance; kept as its SHA-256."""

import hashlib
import secrets
from dataclasses import dataclass

PREFIX = "chk_"

_NAME_BYTES = 4


@dataclass(frozen=True, slots=True, repr=False)
class NewKey:
    """A key that was just made: ``text`` is shown once, the rest is kept."""

    text: str
    prefix: str
    hash: bytes


def make_key() -> NewKey:
    """A new key. Its prefix is what lists show, and what a scanner for leaked secrets finds it by."""
    prefix = PREFIX + secrets.token_hex(_NAME_BYTES)
    text = f"{prefix}_{secrets.token_urlsafe(32)}"
    return NewKey(text, prefix, hash_of(text))


def hash_of(text: str) -> bytes:
    """What is kept of a key. Without a salt: chance of 256 bits cannot be guessed."""
    return hashlib.sha256(text.encode()).digest()
