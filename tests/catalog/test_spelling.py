"""Typing errors: which are forgiven, and that the index finds what is near."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from catalog_service.search_index.spelling import LONG, SHORTEST, corrections, errors_forgiven, keys_of

WORDS = st.text(alphabet="abcdefghij", min_size=SHORTEST, max_size=14)
POSITIONS = st.integers(0, 13)


@st.composite
def misspelt(draw: st.DrawFn, word: st.SearchStrategy[str] = WORDS) -> tuple[str, str]:
    """A word, and what became of it by one error."""
    right = draw(word)
    at = draw(POSITIONS) % len(right)
    letter = draw(st.sampled_from(string.ascii_lowercase))
    kind = draw(st.sampled_from(["missing", "added", "other", "swapped"]))
    if kind == "missing":
        return right, right[:at] + right[at + 1 :]
    if kind == "added":
        return right, right[:at] + letter + right[at:]
    if kind == "other":
        return right, right[:at] + letter + right[at + 1 :]
    at = min(at, len(right) - 2)
    return right, right[:at] + right[at + 1] + right[at] + right[at + 2 :]


@given(misspelt())
def test_one_error_is_found_by_the_keys_and_mended(pair: tuple[str, str]) -> None:
    right, wrong = pair
    assume(errors_forgiven(wrong) > 0)
    assert set(keys_of(right)) & set(keys_of(wrong))
    assert corrections(wrong, [right], is_last=False) == [right]


@given(
    misspelt(st.text(alphabet="abcdefghij", min_size=LONG + 2, max_size=14)).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), misspelt(st.just(pair[1])).map(lambda again: again[1]))
    )
)
def test_two_errors_are_forgiven_in_a_long_word(pair: tuple[str, str]) -> None:
    right, wrong = pair
    assume(len(wrong) >= LONG)
    assume(OSA.distance(right, wrong) <= 2)  # two that touch can be more than two by its count
    assert corrections(wrong, [right], is_last=False) == [right]


@pytest.mark.parametrize(
    ("typed", "candidates", "place", "meant"),
    [
        ("recipies", ["recipes", "recipe"], "before others", ["recipes"]),
        ("protuctivity", ["productivity"], "before others", ["productivity"]),
        ("prodctiv", ["productivity"], "last", ["productivity"]),  # not typed to its end
        ("prodctiv", ["productivity"], "before others", []),
        ("cat", ["car", "bat"], "before others", []),  # too short
        ("2024", ["2025"], "before others", []),  # a number
        ("gardning", ["gardening", "garnering"], "before others", ["gardening"]),
        ("mind", ["mint", "mild", "kind", "find"], "before others", ["find", "kind", "mild"]),
        ("sleep", ["meditation"], "before others", []),
    ],
)
def test_the_nearest_words_are_meant(typed: str, candidates: list[str], place: str, meant: list[str]) -> None:
    assert corrections(typed, candidates, is_last=place == "last") == meant


def test_keys_are_few() -> None:
    assert keys_of("cat") == []
    assert len(keys_of("cats")) == 5
    assert max(len(keys_of(word)) for word in ("incomprehensibilities", "abcdefghijklm")) == 29
