"""Every example of docs/cats.md runs as it stands there, against the whole house."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cathouse.local.processes import plain_environment
from tests.cat.conftest import Neighbourhood
from tests.cat.envelopes import SECRET, signed
from tests.cat.page import examples, load
from tests.fixtures.house import directly
from tests.fixtures.lifecycle import until_told
from tests.fixtures.serving import serve
from tests.fixtures.tools import missing

ROOT = Path(__file__).parents[2]


def test_each_example_of_the_page_is_run_below() -> None:
    assert set(examples()) - {"first_cat.py"} == {  # that one is run by tests/flows/test_tour.py
        "plain_cat.py",
        "mounted_cat.py",
        "own_framework.py",
        "reminding_cat.py",
        "weather_cat.py",
        "cat.mjs",
    }


async def counts_visits(neighbourhood: Neighbourhood, cat: dict[str, Any], endpoint_url: str) -> None:
    """What the examples in Python and in Node have in common."""
    installed = await neighbourhood.settle(cat, endpoint_url)
    path = f"/api/v1/cats/{cat['id']}/test"
    pinged = await neighbourhood.house.call("proxy", "POST", path, person=neighbourhood.developer)
    assert pinged.json()["ok"]
    assert await neighbourhood.say(installed, "Hello!") == {"say": f"{cat['slug']} purrs.", "visits": 1}
    assert await neighbourhood.say(installed, "Hello!") == {"say": f"{cat['slug']} purrs.", "visits": 2}
    events = (await neighbourhood.listen(installed, "Tell me a story")).split("\n\n")
    assert events[0].splitlines()[-2:] == ["event: word", 'data: "Once"']
    assert events[4].startswith("event: end\ndata: ")
    assert "3" in events[4]


@directly
async def test_the_examples_in_python_live_in_the_house(
    neighbourhood: Neighbourhood, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, player = neighbourhood.house, neighbourhood.player

    cat, secret = await neighbourhood.draft()
    async with serve(load("plain_cat.py", secret, monkeypatch).cat) as url:
        await counts_visits(neighbourhood, cat, url)

    cat, secret = await neighbourhood.draft()
    async with serve(load("mounted_cat.py", secret, monkeypatch).app) as url:
        assert (await house.http.get(f"{url}/alive")).json() == {"alive": True}
        await neighbourhood.move(cat, f"{url}/misty")
        path = f"/api/v1/cats/{cat['id']}/publish"
        await house.call("catalog", "POST", path, person=neighbourhood.developer, expect=422)  # without the slash
        installed = await neighbourhood.settle(cat, f"{url}/misty/")
        await until_told(house.engine)
        answer = await neighbourhood.say(installed, "Buy salmon")
        assert answer == {"say": "Noted.", "open": ["Buy salmon", "Feed the cat"]}
        inbox = (await house.call("installation", "GET", "/api/v1/notifications", person=player)).json()
        assert [(each["title"], each["body"]) for each in inbox["items"]] == [("A new task", "Buy salmon")]
        path = f"/api/v1/installations/{installed['id']}/permissions/notification"
        await house.call("installation", "PUT", path, {"granted": False}, person=player)
        assert await neighbourhood.say(installed, "Sleep") == {"say": "Noted, and I may not tell you."}
        tasks = (await house.call("installation", "GET", "/api/v1/tasks", person=player)).json()["items"]
        assert [each["title"] for each in tasks] == ["Sleep", "Buy salmon", "Feed the cat"]

    cat, secret = await neighbourhood.draft()
    async with serve(load("own_framework.py", secret, monkeypatch).app) as url:
        installed = await neighbourhood.settle(cat, f"{url}/")
        assert await neighbourhood.say(installed, {"a": 1}) == {"keys": ["last"]}
        assert (await house.http.post(url, json={})).status_code == 400


@pytest.fixture(scope="session")
def node() -> tuple[str, Path]:
    """Node, and the folder that npm's standardwebhooks is installed in; skipped where one of them is missing."""
    folder = ROOT / ".cathouse-tools" / "standardwebhooks" / "node_modules"
    program = shutil.which("node")
    if program is None or not (folder / "standardwebhooks/package.json").is_file():
        missing(f"npm's standardwebhooks is not in {folder}, or node is missing (make test-tools)")
    return program, folder.resolve()


@asynccontextmanager
async def run_in_node(node: tuple[str, Path], folder: Path, secret: str) -> AsyncIterator[str]:
    """The example in Node as a process, and its address."""
    program, modules = node
    (folder / "node_modules").symlink_to(modules)
    (folder / "cat.mjs").write_text(examples()["cat.mjs"], encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program,
        "cat.mjs",
        cwd=folder,
        env={**plain_environment(), "CAT_SECRET": secret, "PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    finally:
        process.terminate()
        await process.communicate()


@directly
async def test_the_example_in_node_lives_in_the_house(
    node: tuple[str, Path], neighbourhood: Neighbourhood, tmp_path: Path
) -> None:
    cat, secret = await neighbourhood.draft()
    async with run_in_node(node, tmp_path, secret) as url:
        await counts_visits(neighbourhood, cat, url)
        http = neighbourhood.house.http
        headers, body = signed("ping", secrets=[SECRET])
        refused = {
            "another secret": await http.post(url, content=body, headers=headers),
            "no signature": await http.post(url, json={}),
            "GET": await http.get(url),
            "too large": await http.post(url, content=b"x" * 1_200_000),
        }
        assert {name: answer.status_code for name, answer in refused.items()} == {
            "another secret": 400,
            "no signature": 400,
            "GET": 405,
            "too large": 413,
        }
