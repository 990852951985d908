"""Forgiving typing errors, by the words that the catalog has.

A word is kept with what is left of it when one letter is missing, or two of a long one; what was typed is treated the
same way, and what they have in common is a candidate (symmetric deletion, as in W. Garbe's SymSpell). An index finds
candidates among any number of words; how far each really is from what was typed is then counted.
"""

from collections.abc import Iterable
from itertools import combinations

from cathouse.schema import LONGEST_WORD, is_ideograph

SHORTEST = 4
"""Letters of a word in which an error is forgiven: with fewer, nearly every word is near another. None in numbers."""

LONG = 8
"""Letters from which on two errors are."""

MOST_CORRECTIONS = 3

_PREFIX = 7
"""The letters of which some are left out. Errors further back show in the distance."""


def is_kept(text: str) -> bool:
    """Whether a word is part of the vocabulary: single characters of a text without spaces are none."""
    return len(text) <= LONGEST_WORD and not is_ideograph(text)


def errors_forgiven(text: str) -> int:
    """How many letters may be wrong, missing, too many or swapped with the next."""
    if len(text) < SHORTEST or not text.isalpha():
        return 0
    return 1 if len(text) < LONG else 2


def keys_of(text: str) -> list[str]:
    """What is left of ``text`` without up to as many letters as errors are forgiven; itself included."""
    if not errors_forgiven(text):
        return []
    prefix = text[:_PREFIX]
    kept = range(len(prefix) - errors_forgiven(text), len(prefix) + 1)
    return sorted({"".join(letters) for length in kept for letters in combinations(prefix, length)})


def corrections(typed: str, candidates: Iterable[str], *, is_last: bool) -> list[str]:
    """The nearest of ``candidates``, at most ``MOST_CORRECTIONS``: none when all are further than is forgiven.

    When ``typed`` is the last word, it may also be the beginning of a candidate.
    """
    # 3 MB that most processes never need: only a search whose words the catalog does not have gets here.
    from rapidfuzz.distance import OSA  # noqa: PLC0415

    allowed = errors_forgiven(typed)
    near: list[tuple[int, int, str]] = []
    for candidate in candidates:
        distance = OSA.distance(typed, candidate)
        if is_last:
            lengths = range(max(len(typed) - allowed, 1), min(len(typed) + allowed, len(candidate)) + 1)
            begun = min((OSA.distance(typed, candidate[:length]) for length in lengths), default=distance)
            distance = min(distance, begun)
        if distance <= min(allowed, errors_forgiven(candidate)):
            near.append((distance, abs(len(candidate) - len(typed)), candidate))
    nearest = min((distance for distance, _, _ in near), default=0)
    return [word for distance, _, word in sorted(near) if distance == nearest][:MOST_CORRECTIONS]
