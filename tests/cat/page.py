"""The examples of docs/cats.md: each is a whole file, and its first line is the file's name."""

from types import ModuleType

import pytest

from tests.fixtures.pages import DOCS, files

PAGE = DOCS / "cats.md"


def examples() -> dict[str, str]:
    """The source of every example, by the name of its file."""
    return files(PAGE, "python", "js")


def load(name: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An example in Python, imported with its secret in the environment."""
    monkeypatch.setenv("CAT_SECRET", secret)
    module = ModuleType(name.removesuffix(".py"))
    code = compile(examples()[name], f"{PAGE.name}:{name}", "exec")
    exec(code, vars(module))  # noqa: S102 - our own page
    return module
