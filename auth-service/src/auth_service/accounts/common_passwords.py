"""What people who guess passwords try first.

The list is zxcvbn's: 30,000 passwords of real leaks. Its score is not used; NIST SP 800-63B-4 wants a blocklist and no
rules about kinds of characters.
"""

import string
from collections.abc import Iterable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

_SEPARATOR = "\n"


def _common() -> str:
    """The list, each password between two separators.

    zxcvbn itself is not imported: it makes 12 MB of dictionaries out of its lists. The one text is 250 KB, and to look
    through it takes less than the hash that comes next by far.
    """
    package = find_spec("zxcvbn")
    if package is None or package.origin is None:
        raise ImportError("zxcvbn is not installed", name="zxcvbn")
    spec = spec_from_file_location("frequency_lists", Path(package.origin).with_name("frequency_lists.py"))
    if spec is None or spec.loader is None:
        raise ImportError("zxcvbn has no frequency_lists", name="zxcvbn")
    lists = module_from_spec(spec)
    spec.loader.exec_module(lists)
    passwords = lists.FREQUENCY_LISTS["passwords"]
    return _SEPARATOR.join(("", *passwords, ""))


_COMMON = _common()
_THE_HOUSE = ("cathouse", "cat house")
_SHORTEST_WORD = 4
"""Characters: shorter words are in too many good passwords."""


def is_common(password: str) -> bool:
    """Whether it is on the list, however it is capitalised, with signs around it or none."""
    tried = {password.lower(), password.lower().strip(string.punctuation)}
    return any(_SEPARATOR not in each and f"{_SEPARATOR}{each}{_SEPARATOR}" in _COMMON for each in tried)


def is_own_word(password: str, words: Iterable[str]) -> bool:
    """Whether its letters are nothing but a word of the person's (name, address) or of the house, once or twice."""
    bare = _letters(password)
    own = {_letters(word) for given in (*words, *_THE_HOUSE) for word in (given, *given.replace("@", " ").split())}
    return any(len(word) >= _SHORTEST_WORD and bare in (word, word * 2) for word in own)


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalpha())
