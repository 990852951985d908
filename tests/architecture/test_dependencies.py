"""Dependencies: every one is chosen and written down, its licence is known, and what a lock names can be listed."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cathouse.local.processes import plain_environment
from tests.documents import DOCS
from tests.fixtures.tools import missing

ROOT = DOCS.parent
PACKAGES = ("cathouse-kit", "auth-service", "catalog-service", "installation-service", "proxy-service")
PERMISSIVE = {
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "Apache-2.0",
    "ISC",
    "PSF-2.0",
    "Unlicense",
    "0BSD",
    "Zlib",
}
NAMED = {"psycopg2-binary": "LGPL-3.0", "certifi": "MPL-2.0"}
"""What is not permissive, and why it may stay: docs/decisions/dependencies.md, "Licences"."""

# How older packages call them, lower-case.
_SPDX = {
    "mit license": "MIT",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "isc license (iscl)": "ISC",
    "python software foundation license": "PSF-2.0",
    "psf-2.0": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "gnu library or lesser general public license (lgpl)": "LGPL-3.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
_TOOLS = ROOT / ".cathouse-tools" / "python" / "bin"


def licence(name: str) -> str:
    """The licence that an installed package states, as an SPDX expression."""
    told = importlib.metadata.metadata(name)
    if "License-Expression" in told:
        return told["License-Expression"]
    short = told["License"].strip().partition("\n")[0] if "License" in told else ""
    if short in PERMISSIVE:
        return short
    classified = [
        each.rsplit(" :: ", 1)[-1] for each in told.get_all("Classifier") or () if each.startswith("License :: OSI ")
    ]
    found = {_SPDX[each.lower()] for each in (*classified, short) if each.lower() in _SPDX}
    assert found, f"{name} states no licence that is known here: {short[:80]!r}, {classified}"
    return " OR ".join(sorted(found))


def locked(package: str) -> list[Requirement]:
    """What the lock of a package's image names; another version for another Python is a line of its own."""
    text = (ROOT / package / "requirements.txt").read_text(encoding="utf-8")
    lines = re.findall(r"^([a-z0-9][^\s]*==.*?)\s*\\$", text, re.MULTILINE)
    assert len(lines) > 20
    return [Requirement(each) for each in lines]


def written() -> dict[str, str]:
    """The page's libraries with their licences."""
    found: dict[str, str] = {}
    page = (DOCS / "decisions" / "dependencies.md").read_text(encoding="utf-8").partition("\n## Licences\n")[0]
    for row in re.findall(r"^\| ([a-z0-9, -]+) \| ([^|]+) \| .* \| .*\|$", page, re.MULTILINE):
        names, licences = row[0].split(", "), row[1].split(", ")
        if names == ["library"] or set(names[0]) <= {"-"}:
            continue
        assert len(names) == len(licences), row
        assert not found.keys() & set(names), row
        found |= dict(zip(names, licences, strict=True))
    return found


def direct() -> set[str]:
    """What the packages, the tests and the tools ask for by name."""
    asked: list[str] = []
    for package in PACKAGES:
        project = tomllib.loads((ROOT / package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        asked += project["dependencies"]
        asked += [each for extra in project.get("optional-dependencies", {}).values() for each in extra]
    for name in ("requirements-test.in", "requirements-tools.in"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        asked += [line for line in lines if line and not line.startswith(("#", "."))]
    names: set[str] = {canonicalize_name(Requirement(each).name) for each in asked}
    return names - set(PACKAGES)


def test_every_direct_dependency_is_written_down_and_no_other() -> None:
    page = "docs/decisions/dependencies.md"
    unwritten, unused = direct() - written().keys(), written().keys() - direct()
    assert not unwritten, f"asked for, and not in {page}: why was it chosen?"
    assert not unused, f"in {page}, and nobody asks for it"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_lock_has_what_its_package_asks_for(package: str) -> None:
    project = tomllib.loads((ROOT / package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {canonicalize_name(each.name): each.specifier for each in locked(package)}
    for asked in map(Requirement, project["dependencies"]):
        if asked.name not in PACKAGES:
            versions = found.get(canonicalize_name(asked.name))
            assert versions is not None, f"{package}/requirements.txt has no {asked.name}: run `make lock`"
            assert all(asked.specifier.contains(each.version) for each in versions), f"{asked}: run `make lock`"


def imported(sources: Iterable[Path]) -> set[str]:
    """The distributions of others that ``sources`` import by name, wherever in a file."""
    distributions = importlib.metadata.packages_distributions()
    modules = set()
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add((node.module or "").partition(".")[0])
    ours = {"cathouse", *(each.replace("-", "_") for each in PACKAGES)}
    others = modules - sys.stdlib_module_names - ours
    return {canonicalize_name(name) for module in others for name in distributions[module]}


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_what_a_service_imports_is_in_its_image(package: str) -> None:
    kit = ROOT / "cathouse-kit" / "src" / "cathouse"
    rooms = [file for room in ("schema", "database", "identity", "web") for file in (kit / room).rglob("*.py")]
    own = (ROOT / package / "src").rglob("*.py")
    missing_there = imported((*rooms, *kit.glob("*.py"), *own)) - {
        canonicalize_name(each.name) for each in locked(package)
    }
    assert not missing_there, (
        f"it works here, and not in {package}'s image: name it in {package}/pyproject.toml, `make lock`"
    )


def test_what_only_operators_use_is_in_the_image_that_they_use_alone() -> None:
    project = tomllib.loads((ROOT / "cathouse-kit" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    operators = {canonicalize_name(Requirement(each).name) for each in project["optional-dependencies"]["operator"]}
    assert operators <= {canonicalize_name(each.name) for each in locked("auth-service")}
    for package in ("catalog-service", "installation-service", "proxy-service"):
        assert not operators & {canonicalize_name(each.name) for each in locked(package)}, package


def test_where_the_command_is_not_installed_it_says_where_it_is() -> None:
    program = "import sys; sys.modules['typer'] = None; from cathouse.cli import main; main()"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "auth-service's container" in done.stderr
    assert "cathouse-kit[operator]" in done.stderr


def test_the_page_states_the_licences_that_the_packages_state() -> None:
    tools = {"cyclonedx-bom", "pip-audit", "kubernetes-validate"}  # in an environment of their own
    for name, stated in written().items():
        if name not in tools:
            assert parts(stated) == parts(licence(name)), name


def parts(expression: str) -> set[str]:
    return set(re.split(r" OR | AND ", expression))


def test_what_the_images_hold_is_permissive_or_named() -> None:
    seen = set()
    for package in PACKAGES:
        for requirement in locked(package):
            name = canonicalize_name(requirement.name)
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue
            seen.add(name)
            found = licence(name)
            if name in NAMED:
                assert parts(found) == {NAMED[name]}, name
            else:
                assert any(parts(each) <= PERMISSIVE for each in found.split(" OR ")), f"{name}: {found}"
    assert seen >= NAMED.keys()
    page = (DOCS / "decisions" / "dependencies.md").read_text(encoding="utf-8")
    assert all(f"**{name}**" in page for name in NAMED)


@pytest.fixture(scope="module")
def boms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    if not (_TOOLS / "cyclonedx-py").is_file():
        missing("cyclonedx-bom is not installed (make test-tools)")
    folder = tmp_path_factory.mktemp("sbom")
    done = subprocess.run(("make", "sbom", f"SBOM={folder}"), cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 0, done.stderr
    return {package: json.loads((folder / f"{package}.cdx.json").read_text(encoding="utf-8")) for package in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_bill_of_materials_lists_what_the_lock_names_and_nothing_else(
    package: str, boms: dict[str, dict[str, Any]]
) -> None:
    bom = boms[package]
    assert bom["bomFormat"] == "CycloneDX"
    assert bom["metadata"]["component"]["name"] == package
    listed = sorted((canonicalize_name(each["name"]), f"=={each['version']}") for each in bom["components"])
    assert listed == sorted({(canonicalize_name(each.name), str(each.specifier)) for each in locked(package)})
    assert all(each["externalReferences"][0]["hashes"] for each in bom["components"])


@contextmanager
def vulnerabilities(of: str | None) -> Iterator[str]:
    """A database of vulnerabilities in which one package has one, as OSV answers."""

    class Database(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
            affected = [{"package": {"name": asked, "ecosystem": "PyPI"}, "ranges": []}]
            found = {"vulns": [{"id": "PYSEC-0-1", "summary": "it leaks", "affected": affected}]} if asked == of else {}
            answer = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Database) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
            thread.join()


def audit(url: str) -> "subprocess.CompletedProcess[str]":
    python = _TOOLS / "python"
    if not (_TOOLS / "pip-audit").is_file():
        missing("pip-audit is not installed (make test-tools)")
    lock = ROOT / "proxy-service" / "requirements.txt"
    return subprocess.run(
        (python, "audit.py", lock),
        cwd=ROOT,
        env=plain_environment() | {"OSV_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_audit_fails_for_what_is_known_to_be_vulnerable() -> None:
    with vulnerabilities("httptools") as url:
        done = audit(url)
    assert done.returncode == 1, done.stderr
    assert "PYSEC-0-1" in done.stdout


def test_an_audit_that_finds_nothing_succeeds() -> None:
    with vulnerabilities(None) as url:
        done = audit(url)
    assert done.returncode == 0, done.stderr
    assert "No known vulnerabilities found" in done.stderr


def test_an_audit_without_a_database_says_that_it_was_skipped() -> None:
    done = audit("http://127.0.0.1:9/v1/query")
    assert done.returncode == 0
    assert done.stdout.startswith("skipped: no vulnerability service can be reached")


def test_ci_audits() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "make audit" in lines


def test_what_tests_share_stands_in_no_test() -> None:
    """It stands in tests/fixtures, a conftest.py or a scene module: a test file is read, moved and parted alone."""
    importing = re.compile(r"^(?:from|import) tests\.(?:\w+\.)*test_\w+", re.MULTILINE)
    found = {
        str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py") if importing.search(path.read_text())
    }
    assert found == set(), "these import from a test file"
