"""Turning what somebody types into a question for Postgres."""

import re

from cathouse.schema import fold

MOST_WORDS = 12

_WORD = re.compile(r"\w+")


def prefix_query(text: str) -> str | None:
    """A ``to_tsquery`` expression: every word, the last one as a prefix; None when ``text`` has no word."""
    words = _WORD.findall(fold(text).replace("_", " "))[:MOST_WORDS]
    if not words:
        return None
    return " & ".join([*(f"'{word}'" for word in words[:-1]), f"'{words[-1]}':*"])
