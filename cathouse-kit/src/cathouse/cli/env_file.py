"""Lines of a .env file."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from cathouse.configuration import ConfigurationError
from cathouse.private_files import write_private

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(\S?)")
_EXPLAINED = re.compile(r"(?:# )?([A-Z][A-Z0-9_]*)=")

_ALIKE = 0.8
"""How much of two names is the same, as difflib measures it: a letter or two wrong, a plural too many."""


def replace_lines(path: Path, values: Mapping[str, str]) -> None:
    """Write ``NAME=value`` into ``path`` for each of ``values``: where NAME stands already, else at the end.

    Everything else stays. Only the owner may read the file afterwards, and nobody ever sees it half written.

    Raises:
        ConfigurationError: when it cannot be read or written.
    """
    before = _read(path) if path.exists() else ""
    write_private(path, _with(before, values))


def misspelt(path: Path, example: Path) -> list[str]:
    """A line for each name given a value in ``path`` that nobody reads, with the one of ``example`` that it resembles.

    A name that resembles none of those is somebody else's: Compose reads the same file. A file that is not there has no
    names.

    Raises:
        ConfigurationError: when one cannot be read.
    """
    if not (path.is_file() and example.is_file()):
        return []
    known = {found.group(1) for line in _read(example).splitlines() if (found := _EXPLAINED.match(line))}
    assigned = (_ASSIGNMENT.match(line) for line in _read(path).splitlines())
    given = dict.fromkeys(found.group(1) for found in assigned if found and found.group(2))
    meant = {
        name: close[0]
        for name in given
        if name.upper() not in known and (close := difflib.get_close_matches(name.upper(), known, n=1, cutoff=_ALIKE))
    }
    # Beside the right one it was no slip of the pen.
    slips = {name: right for name, right in meant.items() if right not in given}
    return [f"{os.path.relpath(path)}: nothing reads {name}; {right} is a setting" for name, right in slips.items()]


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} cannot be read: it is not UTF-8 text") from None
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None


def _with(text: str, values: Mapping[str, str]) -> str:
    missing = dict(values)
    lines = []
    for line in text.splitlines(keepends=True):
        found = _ASSIGNMENT.match(line)
        name = found.group(1) if found else ""
        if name not in values:
            lines.append(line)
        elif name in missing:  # a second line of the same name would win over the first
            ending = line[len(line.rstrip("\r\n")) :]
            lines.append(f"{name}={missing.pop(name)}{ending or chr(10)}")
    if lines and missing and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    lines += [f"{name}={value}\n" for name, value in missing.items()]
    return "".join(lines)
