"""Preparing text for search: the same for what is stored and for what is asked."""

import re
import unicodedata

MOST_WORDS = 12

_WORD = re.compile(r"\w+")


def fold(text: str) -> str:
    """Without case and accents, so that "Café" is found by "cafe"."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def prefix_query(text: str) -> str | None:
    """A ``to_tsquery`` expression: every word, the last one as a prefix; None when ``text`` has no word."""
    words = _WORD.findall(fold(text).replace("_", " "))[:MOST_WORDS]
    if not words:
        return None
    return " & ".join([*(f"'{word}'" for word in words[:-1]), f"'{words[-1]}':*"])
