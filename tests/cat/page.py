"""The examples of docs/cats.md: each is a whole file, and its first line is the file's name."""

import re
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "cats.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"(?:#|//) (\S+)\n")


def examples() -> dict[str, str]:
    """The source of every example, by the name of its file. A block of JSON shows something and is none."""
    found = {}
    for language, source in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language != "json":
            name = _NAME.match(source)
            assert name is not None, f"an example without a name: {source[:60]}"
            found[name[1]] = source
    return found


def load(name: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An example in Python, imported with its secret in the environment."""
    monkeypatch.setenv("CAT_SECRET", secret)
    module = ModuleType(name.removesuffix(".py"))
    code = compile(examples()[name], f"{PAGE.name}:{name}", "exec")
    exec(code, vars(module))  # noqa: S102 - our own page
    return module
