"""Turning what somebody types into questions for Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cathouse.schema import is_ideograph, words_of

MOST_WORDS = 12

_SHORTEST_BEGINNING = 3
"""Letters of a word in the making for which cats are looked up that have nothing else of a question."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question: ``query`` is the ``to_tsquery`` expression that finds it in any form.

    ``text`` is how the catalog would spell it; empty for a pair of characters, which are no word of its vocabulary.
    """

    text: str
    query: str
    is_last: bool = False

    @property
    def is_telling(self) -> bool:
        """Whether having this word alone says anything of a cat."""
        return not self.is_last or not self.text or len(self.text) >= _SHORTEST_BEGINNING


def words_asked(text: str) -> list[Word]:
    """The first ``MOST_WORDS`` words of what was typed; the last one may still be in the making."""
    terms = [term for chunk in text.split() for term in _terms(words_of(chunk))][:MOST_WORDS]
    return [_word(term, is_last=position == len(terms) - 1) for position, term in enumerate(terms)]


def beginning(text: str) -> Word:
    """A word of which only the first letters were typed."""
    return Word(text, f"'{text}':*", is_last=True)


def one_of(spellings: Sequence[str]) -> Word:
    """A word that may be meant in several ways, the likeliest first."""
    return Word(spellings[0], " | ".join(f"'{spelling}'" for spelling in spellings))


def _terms(stored: Sequence[str]) -> list[tuple[str, ...]]:
    """What a chunk between spaces asks for: a word, the parts of a joined one and itself, two characters side by side.

    Which of the characters of a text without spaces are words, nothing here knows.
    """
    letters = [word for word in stored if not is_ideograph(word)]
    characters = [word for word in stored if is_ideograph(word)]
    is_joined = len(letters) > 1 and letters[-1] == "".join(letters[:-1])
    words = [tuple(letters)] if is_joined else [(word,) for word in letters]
    return [*words, *(pairwise(characters) if len(characters) > 1 else zip(characters, strict=True))]


def _word(term: tuple[str, ...], *, is_last: bool) -> Word:
    if is_ideograph(term[0]):
        return Word("", " <-> ".join(f"'{character}'" for character in term))
    end = ":*" if is_last else ""
    *parts, text = term
    query = f"'{text}'{end}"
    if parts:
        together = " & ".join(f"'{part}'" for part in parts)
        query += f" | ({together}{end})"
    return Word(text, query, is_last=is_last)
