"""Secrets at rest: encrypted with AES-256-GCM, and tied to the place that they were sealed for."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class UnsealingError(Exception):
    """What was sealed does not open: another key, another place, or somebody changed it."""


def seal(key: bytes, plain: bytes, *, bound_to: str) -> bytes:
    """The nonce and the encrypted ``plain``; ``bound_to`` must be given again to open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def unseal(key: bytes, sealed: bytes, *, bound_to: str) -> bytes:
    """What :func:`seal` was given.

    Raises:
        UnsealingError: it was sealed under another key, for something else, or was changed.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise UnsealingError from error
