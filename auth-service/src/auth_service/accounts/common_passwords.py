"""What people who guess passwords try first.

The list is zxcvbn's: 30,000 passwords of real leaks. Its score is not used; NIST SP 800-63B-4 wants a blocklist and no
rules about kinds of characters.
"""

import string
from collections.abc import Iterable

from zxcvbn.frequency_lists import FREQUENCY_LISTS

_COMMON = frozenset(FREQUENCY_LISTS["passwords"])
_THE_HOUSE = ("cathouse", "cat house")
_SHORTEST_WORD = 4
"""Characters: shorter words are in too many good passwords."""


def is_common(password: str) -> bool:
    """Whether it is on the list, however it is capitalised, with signs around it or none."""
    return not {password.lower(), password.lower().strip(string.punctuation)}.isdisjoint(_COMMON)


def is_own_word(password: str, words: Iterable[str]) -> bool:
    """Whether its letters are nothing but a word of the person's (name, address) or of the house, once or twice."""
    bare = _letters(password)
    own = {_letters(word) for given in (*words, *_THE_HOUSE) for word in (given, *given.replace("@", " ").split())}
    return any(len(word) >= _SHORTEST_WORD and bare in (word, word * 2) for word in own)


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalpha())
