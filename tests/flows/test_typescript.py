"""The OpenAPI documents as a front end meets them: generated types, and the client of docs/frontend.md at work."""

import asyncio
import json
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cathouse.cat import Cat, Event, InstallationMessage
from cathouse.cat import House as Callbacks
from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment
from tests.factories.accounts import PASSWORD
from tests.factories.cats import NOTIFICATION, STORAGE
from tests.fixtures.house import House, Person, run_house
from tests.fixtures.pages import DOCS, blocks, files
from tests.fixtures.serving import serve
from tests.fixtures.tools import missing

ROOT = DOCS.parent
PAGE = DOCS / "frontend.md"
PROGRAMS = Path(__file__).with_name("typescript")

STRICT = {
    "compilerOptions": {
        "strict": True,
        "noUncheckedIndexedAccess": True,
        "exactOptionalPropertyTypes": True,
        "noPropertyAccessFromIndexSignature": True,
        "noImplicitOverride": True,
        "target": "ES2022",
        "module": "ES2022",
        "moduleResolution": "bundler",
        "lib": ["ES2022", "DOM", "DOM.Iterable"],
        "types": [],
        "outDir": "out",
    },
    "include": ["*.ts"],
}


@pytest.fixture(scope="session")
def node() -> tuple[str, Path]:
    """Node, and the modules that ``make test-tools`` installs for TypeScript."""
    folder = ROOT / ".cathouse-tools" / "typescript" / "node_modules"
    program = shutil.which("node")
    if program is None or not (folder / "openapi-fetch/package.json").is_file():
        missing(f"TypeScript is not in {folder}, or node is missing (make test-tools)")
    return program, folder.resolve()


@pytest.fixture
def project(node: tuple[str, Path], tmp_path: Path) -> Path:
    """A folder with the page's files and ours, and the types that the page's own commands make."""
    (tmp_path / "node_modules").symlink_to(node[1])
    (tmp_path / "docs").symlink_to(DOCS)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps(STRICT))
    for name, source in files(PAGE, "ts").items():
        (tmp_path / name).write_text(source)
    for program in PROGRAMS.iterdir():
        shutil.copy(program, tmp_path)
    (commands,) = (text for language, text in blocks(PAGE) if language == "")
    install, generate = commands.split("\n", 1)
    assert install.startswith("npm install")  # that is what make test-tools does, with pinned versions
    run(tmp_path, "bash", "-ec", generate)
    return tmp_path


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=plain_environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def make_cat(secret: str) -> Cat:
    cat = Cat(secret)

    @cat.interaction
    async def answer(message: InstallationMessage, house: Callbacks) -> object:
        if isinstance(message.input, dict):
            await house.notify(message.input["notify"], "It is time.")
            # A cat notifies once a second.
            await asyncio.sleep(1)
        return {"heard": message.input}

    @cat.stream
    async def tell(message: InstallationMessage, _house: Callbacks) -> AsyncIterator[Event]:
        yield Event("Once", event="word")
        if message.input == "fail":
            raise RuntimeError
        while message.input == "forever":
            yield Event("upon", event="word")
            await asyncio.sleep(0.02)
        yield Event("ünd", event="word")
        yield Event({"lines": ["a", "b"]}, event="end")

    return cat


async def settle(house: House, developer: Person, cat: dict[str, Any], endpoint_url: str) -> None:
    path = f"/api/v1/cats/{cat['id']}/releases/{cat['version']}"
    await house.call("catalog", "PATCH", path, {"endpoint_url": endpoint_url}, person=developer)
    await house.call("catalog", "POST", f"/api/v1/cats/{cat['id']}/publish", person=developer)


async def test_the_client_of_the_page_is_sound_and_walks_a_players_journey(
    node: tuple[str, Path], project: Path, clean_db: DatabaseUrl
) -> None:
    await asyncio.to_thread(run, project, node[0], "node_modules/typescript/bin/tsc", "--project", ".")
    async with run_house(clean_db) as house:
        developer, player = await house.register("developer"), await house.register()
        tag = uuid.uuid4().hex[:8]
        cats = [await house.publish(developer, tags=[tag]) for _ in range(3)]
        permissions = [{**STORAGE, "required": True}, {**NOTIFICATION, "required": False}]
        cat = await house.draft(developer, permissions=permissions)
        async with serve(make_cat(house.cat_secrets[cat["slug"]])) as url:
            await settle(house, developer, cat, f"{url}/")
            told = {
                "urls": house.urls,
                "email": player.email,
                "password": PASSWORD,
                "tag": tag,
                "slugs": [each["slug"] for each in reversed(cats)],
                "cat": cat["slug"],
            }
            process = await asyncio.create_subprocess_exec(
                node[0],
                "start.mjs",
                cwd=project,
                env={**plain_environment(), "HOUSE": json.dumps(told)},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert said.decode() == "walked\n"
