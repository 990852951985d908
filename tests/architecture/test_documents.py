"""What is written in docs/ is what the code says."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from cathouse.schema import LifecycleEventType, PermissionType
from cathouse.schema.ownership import tables
from cathouse.web import SERVICES, ServiceName, ServiceSettings
from tests.documents import DOCS, errors, openapi
from tests.schema_document import schema_document

ROOT = DOCS.parent
_PATH = re.compile(r"`((?:tests|docs|benchmarks|deploy|auth-service|cathouse-kit)/[\w./-]*)`")
_ROOMS = "schema|database|upkeep|neon|identity|web|cat|local|cli"
_SUBJECTS = "|".join(sorted({file.parent.name for file in ROOT.glob("*-service/src/*/*/__init__.py")}))
_MODULE = re.compile(
    rf"`((?:cathouse|\w+_service|{_ROOMS}|{_SUBJECTS})(?:\.(?!py`)[A-Za-z_]\w*)+)`(?P<beside>(?:, `\.\w+`)*)"
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)
_ANCHOR = re.compile(r'<a id="([^"]+)">')


@pytest.mark.parametrize("service", SERVICES)
def test_the_checked_in_contract_is_the_services_own(service: ServiceName) -> None:
    kept = (DOCS / "openapi" / f"{service}.json").read_text(encoding="utf-8")
    assert json.loads(kept) == json.loads(openapi(service)), "run `make openapi`, and read what it changes"


def test_every_error_code_is_listed() -> None:
    assert (DOCS / "errors.md").read_text(encoding="utf-8") == errors(), "run `make openapi`"


def test_the_schema_is_drawn_and_described_as_it_is() -> None:
    page = (DOCS / "database-schema.md").read_text(encoding="utf-8")
    assert page == schema_document(page), "run `make openapi`"
    assert page.count("\n### ") == len(tables())


def test_every_variable_of_a_service_is_described_once() -> None:
    settings = (
        each
        for service in SERVICES
        for each in vars(import_module(f"{service}_service.settings")).values()
        if isinstance(each, type) and issubclass(each, ServiceSettings)
    )
    described = re.findall(
        r"^(?:# )?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE
    )
    undescribed = {name.upper() for each in settings for name in each.model_fields} - set(described)
    assert not undescribed, "describe them in .env.example"
    assert [name for name, count in Counter(described).items() if count > 1] == []


def test_links_between_documents_lead_somewhere() -> None:
    pages = (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("*-service/*.md"))
    assert len(pages) > 5
    for page in pages:
        for target, place in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
            if "://" in target:
                continue
            led_to = page.parent / target if target else page
            assert led_to.exists(), f"{page.name}: there is no {target}"
            assert not place or place in places(led_to), f"{page.name}: {target} has no heading or anchor #{place}"


def test_every_row_belongs_to_a_table_with_a_heading() -> None:
    """An empty line ends a table: what follows it is shown as plain text."""
    for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("*-service/*.md")):
        lines = ["", *_CODE.sub("", page.read_text(encoding="utf-8")).splitlines(), ""]
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
            if line.startswith("| ") and not before.startswith("|"):
                assert after.startswith("| ---"), f"{page.name}: {line}"


def places(page: Path) -> set[str]:
    """What a link may name behind ``#``: headings as GitHub calls them, and anchors."""
    text = page.read_text(encoding="utf-8")
    headings = _HEADING.findall(_CODE.sub("", text))
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings} | set(_ANCHOR.findall(text))


def test_paths_and_modules_that_documents_name_are_there() -> None:
    """A dotted name is a module, something in one, a table's column, or what a log line or an entry point is called."""
    files = [*ROOT.glob("*-service/**/*.py"), *(ROOT / "cathouse-kit" / "src").rglob("*.py")]
    sources = "\n".join(file.read_text(encoding="utf-8") for file in files)
    texts = {
        str(page.relative_to(ROOT)): page.read_text(encoding="utf-8")
        for page in (ROOT / "README.md", *DOCS.rglob("*.md"), *ROOT.glob("*-service/*.md"))
    }
    there = _importable({name for text in texts.values() for name in _modules(text)}) | {"cathouse.commands"}
    there |= {f"{table.name}.{column.name}" for table in tables() for column in table.columns}
    wrong = [(page, path) for page, text in texts.items() for path in _PATH.findall(text) if not (ROOT / path).exists()]
    wrong += [
        (page, name)
        for page, text in texts.items()
        for name in _modules(text)
        if name not in there and f'"{name}"' not in sources
    ]
    assert not wrong, "documents name what is not there (a path from the root, or a module)"


def test_who_writes_a_cat_reads_of_every_message_and_every_permission() -> None:
    page = (DOCS / "cats.md").read_text(encoding="utf-8")
    unsaid = [each for each in (*LifecycleEventType, *PermissionType) if f"`{each}`" not in page]
    assert not unsaid, "docs/cats.md says when a cat is told, and what it may call"


_RESOLVE = """
import pkgutil
import sys

above, *names = sys.argv[1:]
for name in names:
    for prefix in above.split(","):
        try:
            pkgutil.resolve_name(prefix + name)
        except (ImportError, AttributeError):
            continue
        print(name)
        break
"""


def _modules(text: str) -> Iterator[str]:
    """The dotted names of ``text``; one that begins with its dot stands beside the module before it."""
    for name, beside in _MODULE.findall(text):
        yield name
        yield from (name.rpartition(".")[0] + each for each in re.findall(r"\.\w+", beside))


def _importable(names: set[str]) -> set[str]:
    """In a process of its own: some of the modules change the one that imports them (``cathouse.lean``)."""
    above = ",".join(("", "cathouse.", *(f"{service}_service." for service in SERVICES)))
    command = (sys.executable, "-c", _RESOLVE, above, *sorted(names))
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_no_secret_and_no_path_of_a_machine_is_committed() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    names = files.stdout.split()
    assert ".env.example" in names
    assert not [name for name in names if Path(name).name == ".env"]
    for name in names:
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        assert "PRIVATE KEY" + "-----" not in text, name
