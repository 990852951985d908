"""Lines of a .env file."""

import re
from collections.abc import Mapping
from pathlib import Path

from cathouse.configuration import ConfigurationError
from cathouse.private_files import write_private

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")


def replace_lines(path: Path, values: Mapping[str, str]) -> None:
    """Write ``NAME=value`` into ``path`` for each of ``values``: where NAME stands already, else at the end.

    Everything else stays. Only the owner may read the file afterwards, and nobody ever sees it half written.

    Raises:
        ConfigurationError: when it cannot be read or written.
    """
    try:
        before = path.read_bytes().decode() if path.exists() else ""
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} cannot be read: it is not UTF-8 text") from None
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None
    write_private(path, _with(before, values))


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
