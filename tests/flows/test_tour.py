"""The ten-minute tour of docs/cats.md, block by block in a shell, against what `make up` runs."""

import asyncio
import json
import os
import random
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.local.processes import plain_environment
from cathouse.local.stack import run_stack
from cathouse.web import PORTS
from tests.fixtures.lifecycle import until_told
from tests.fixtures.pages import DOCS, blocks, files
from tests.fixtures.ports import is_free
from tests.flows.stacks import ROOT, free_ports, settings

PAGE = DOCS / "cats.md"
CAT_PORT = 9000
CAT = "first_cat.py"
DONE = "-- done --"


def steps() -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Each block of the shell, and the answer that stands behind it: some of the last answer's members."""
    found = [(language, text) for language, text in blocks(PAGE) if language in ("sh", "json")]
    for number, (language, text) in enumerate(found):
        following = found[number + 1] if number + 1 < len(found) else ("", "")
        if language == "sh":
            yield text, json.loads(following[1]) if following[0] == "json" else None


def is_part(shown: Any, answered: Any) -> bool:
    """Whether all that the page shows is in the answer."""
    if isinstance(shown, dict):
        return isinstance(answered, dict) and all(is_part(each, answered.get(name)) for name, each in shown.items())
    if isinstance(shown, list):
        return isinstance(answered, list) and len(shown) == len(answered) and all(map(is_part, shown, answered))
    return bool(shown == answered)


async def output_of(shell: asyncio.subprocess.Process, commands: str) -> str:
    """What the block says."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{commands}echo; echo {DONE}\n".encode())
    said = ""
    while not said.endswith(f"{DONE}\n"):
        line = (await asyncio.wait_for(shell.stdout.readline(), 60)).decode()
        assert line, f"{commands}\n{said}"
        said += line
    return said.removesuffix(f"{DONE}\n")


async def test_the_tour_is_what_the_page_says(clean_db: DatabaseUrl, tmp_path: Path) -> None:
    ports = free_ports()
    (tmp_path / "auth-service").symlink_to(ROOT / "auth-service")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / CAT).write_text(files(PAGE, "python")[CAT])
    moved = {f":{port}": f":{ports[f'{service}_port']}" for service, port in PORTS.items()}
    cat_port = next(filter(is_free, random.sample(range(9_000, 9_900), 50)))
    moved |= {f":{CAT_PORT}": f":{cat_port}", f"--port {CAT_PORT}": f"--port {cat_port}"}
    said = ""
    engine = make_migration_engine(clean_db)
    chosen = settings(**ports, database_url=clean_db.for_libpq(), db_connection_budget=9, seed=True)
    with run_stack(tmp_path, chosen, lambda _: None):
        shell = await asyncio.create_subprocess_exec(
            "bash",
            cwd=tmp_path,
            env={**plain_environment(), "PATH": os.environ["PATH"]},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            for commands, shown in steps():
                await until_told(engine)
                for usual, here in moved.items():
                    commands = commands.replace(usual, here)  # noqa: PLW2901 - the same commands
                output = await output_of(shell, commands)
                said += output
                if shown is not None:
                    answers = [line for line in output.splitlines() if line.startswith("{")]
                    assert is_part(shown, json.loads(answers[-1])), f"{commands}\n{output}\nis not {shown}"
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
            await shell.wait()
    assert "refused:" not in said  # by `json`, where an answer has not what is taken out of it
    assert "Traceback" not in said
    assert "Misty has found a home" in said
