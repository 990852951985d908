"""Slugs: the part of a cat's address that people read."""

import re
import secrets
import unicodedata

LONGEST = 60

_GAPS = re.compile(r"[^a-z0-9]+")


def slug_from(name: str) -> str:
    """A slug for ``name``: accents dropped, everything but letters and digits a dash; ``cat`` when nothing is left."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _GAPS.sub("-", folded).strip("-")[:LONGEST].strip("-") or "cat"


def another(slug: str) -> str:
    """A slug beside ``slug`` that most likely nobody has."""
    return f"{slug}-{secrets.token_hex(3)}"
