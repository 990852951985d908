"""`make up` and `make demo` for real: own Postgres, four processes, the whole journey, and nothing left behind."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import text

from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment
from cathouse.local.settings import StackSettings
from cathouse.local.stack import StackError, run_stack
from cathouse.local.state import LocalState
from cathouse.upkeep.direct import connect
from cathouse.web import SERVICES
from tests.fixtures.server import server_url
from tests.flows.stacks import Watcher, free_ports, settings, walk


def start_and_stop(checkout: Path, chosen: StackSettings) -> list[str]:
    """What a run says that is ended as soon as it is up."""
    said: list[str] = []
    with run_stack(checkout, chosen, said.append):
        pass
    return said


def refused(reason: str) -> Any:
    return pytest.raises(StackError, match=reason)


def test_the_whole_journey_twice_in_under_ten_connections(checkout: Path) -> None:
    said: list[str] = []
    with run_stack(checkout, settings(), said.append) as stack:
        watcher = Watcher(stack.databases.migration)
        watcher.start()
        assert len(walk(stack)) == 12
        walk(stack)
        watcher.stop()
        assert 4 <= watcher.most <= 9, watcher.seen
        assert watcher.seen["cathouse-proxy"] == 1
        assert set(watcher.seen) == {f"cathouse-{service}" for service in SERVICES}
        for service in SERVICES:
            health = httpx.get(f"{stack.urls[service]}/api/v1/health", trust_env=False).json()
            assert health == {
                "status_code": 200,
                "data": {"status": "healthy", "database": "connected", "migration": "up-to-date"},
            }
            assert "cathouse_http_requests_total" in httpx.get(f"{stack.urls[service]}/metrics", trust_env=False).text
        assert stack.mails == LocalState(checkout).mails
        assert list(stack.mails.glob("*.eml"))
        processes = [psutil.Process(child.process.pid) for child in stack.children]
    assert any("seeded 3 accounts, 6 cats, 5 tasks" in line for line in said)
    assert not any(process.is_running() for process in processes)


def test_the_second_start_finds_the_data_and_seeds_nothing(checkout: Path) -> None:
    start_and_stop(checkout, settings())
    with run_stack(checkout, settings(), lambda _: None) as stack:
        me = {"email": "test@example.com", "password": "Test123!@#"}
        tokens = httpx.post(f"{stack.urls['auth']}/api/v1/auth/login", json=me, trust_env=False).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        tasks = httpx.get(f"{stack.urls['installation']}/api/v1/tasks", headers=headers, trust_env=False).json()[
            "items"
        ]
        assert sorted(task["status"] for task in tasks) == ["completed"] * 3 + ["pending"] * 2
        cats = httpx.get(f"{stack.urls['catalog']}/api/v1/cats?limit=100", trust_env=False).json()["items"]
        assert {"demo-cat", "whisker-weather"} <= {cat["slug"] for cat in cats}
    # In a shell that read the file for `cathouse db`, the next run is given the database of the last one.
    kept = dict(line.split("=", 1) for line in LocalState(checkout).database_file.read_text().splitlines())
    said = start_and_stop(checkout, settings(database_url=kept["DATABASE_URL"]))
    assert "starting the embedded Postgres" in said
    assert not any("seeded" in line for line in said)


def test_a_service_that_dies_is_told_with_its_reason(checkout: Path) -> None:
    with run_stack(checkout, settings(), lambda _: None) as stack:
        stack.check()
        catalog = next(child for child in stack.children if child.name == "catalog-service")
        catalog.process.kill()
        catalog.process.wait()
        with pytest.raises(StackError, match=r"catalog-service ended \(SIGKILL\), so everything is stopped"):
            stack.check()


def test_a_database_that_dies_is_told_and_a_restart_has_all_that_was_acknowledged(checkout: Path) -> None:
    body = {"email": "kept@example.com", "password": "correct horse battery", "display_name": "Kept"}
    with run_stack(checkout, settings(), lambda _: None) as stack:
        made = httpx.post(f"{stack.urls['auth']}/api/v1/auth/register", json=body, trust_env=False)
        assert made.status_code == 201
        assert stack.server is not None
        pid = int((stack.server.data / "postmaster.pid").read_text().split("\n")[0])
        postgres = psutil.Process(pid)
        postgres.kill()
        psutil.wait_procs([postgres], timeout=10)
        with pytest.raises(StackError, match="the embedded Postgres ended"):
            stack.check()
        for service in SERVICES:
            assert httpx.get(f"{stack.urls[service]}/health", trust_env=False).status_code == 200
        body_again = {"email": body["email"], "password": body["password"]}
        away = httpx.post(f"{stack.urls['auth']}/api/v1/auth/login", json=body_again, timeout=30, trust_env=False)
        assert (away.status_code, away.json()["code"]) == (503, "database_unavailable")
        assert away.headers["retry-after"] == "2"
    with run_stack(checkout, settings(), lambda _: None) as stack:
        again = httpx.post(f"{stack.urls['auth']}/api/v1/auth/login", json=body_again, trust_env=False)
        assert again.status_code == 200


def test_what_a_killed_run_left_behind_is_ended_by_the_next(checkout: Path) -> None:
    command = [sys.executable, "-c", LEAVE_BEHIND, str(checkout)]
    ports = {name.upper(): str(port) for name, port in free_ports().items()}
    with subprocess.Popen(
        command,
        env=plain_environment() | ports,
        cwd=checkout,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as left:
        assert left.stdout is not None
        assert left.stdout.readline() == "up\n"
        left.kill()
    said = start_and_stop(checkout, settings())
    assert any("ended 5 processes that an earlier run left behind" in line for line in said)


LEAVE_BEHIND = """
import sys, time
from pathlib import Path
from cathouse.configuration import load
from cathouse.local.state import LocalState
from cathouse.local.settings import StackSettings
from cathouse.local.stack import run_stack
with run_stack(Path(sys.argv[1]), load(StackSettings), lambda _: None):
    print("up", flush=True)
    time.sleep(60)
"""


def test_a_taken_port_is_one_line(checkout: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with refused(rf"port {port} is taken by another program; set CATALOG_PORT"):
            start_and_stop(checkout, settings(catalog_port=port))


def test_a_broken_database_url_is_one_line(checkout: Path) -> None:
    cases = {
        "postgresql://me:hush@127.0.0.1:1/cats": "cannot connect to the database me@127.0.0.1:1/cats",
        "mysql://me:hush@127.0.0.1/cats": "DATABASE_URL: expected a URL that begins with postgresql://",
    }
    for url, line in cases.items():
        with pytest.raises(StackError) as refusal:
            start_and_stop(checkout, settings(database_url=url))
        assert line in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert "hush" not in str(refusal.value)


def test_a_half_made_data_folder_is_one_line(checkout: Path) -> None:
    data = LocalState(checkout).postgres / "data"
    data.mkdir(parents=True)
    (data / "base").mkdir()
    with refused(r"is incomplete; `make clean` removes it"):
        start_and_stop(checkout, settings())


def test_production_is_refused(checkout: Path) -> None:
    with refused("for development"):
        start_and_stop(checkout, settings(environment="production"))


def test_another_database_is_used_when_it_is_named(checkout: Path, clean_db: DatabaseUrl) -> None:
    said: list[str] = []
    named = settings(database_url=clean_db.for_libpq(), db_connection_budget=9)
    with run_stack(checkout, named, said.append) as stack:
        assert stack.databases.migration.name == clean_db.name
        assert walk(stack)
    assert any(repr(clean_db) in line and "share one login" in line for line in said)
    assert server_url().password is not None
    assert not any(str(server_url().password) in line for line in said)


def test_the_command_stops_everything_within_five_seconds_of_ctrl_c(checkout: Path) -> None:
    ports = {name.upper(): str(port) for name, port in free_ports().items()}
    environment = plain_environment() | ports | {"COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-m", "cathouse.cli", "up"],
        env=environment,
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as command:
        assert command.stdout is not None
        printed = ""
        while "stop: Ctrl-C" not in printed:
            line = command.stdout.readline()
            assert line, printed
            printed += line
        assert "test@example.com" in printed
        assert ". .cathouse/database.env" in printed
        assert "mails: .cathouse/mails" in printed
        variables = LocalState(checkout).database_file
        assert variables.stat().st_mode & 0o777 == 0o600
        url = DatabaseUrl.parse(variables.read_text().splitlines()[0].removeprefix("MIGRATION_DATABASE_URL="))
        with connect(url) as connection:
            assert connection.scalar(text("SELECT count(*) FROM cathouse.users")) == 3
        assert f"http://127.0.0.1:{ports['AUTH_PORT']}/docs" in printed
        family = psutil.Process(command.pid).children(recursive=True)
        postgres = [
            process
            for process in psutil.process_iter(["cmdline"])
            if str(LocalState(checkout).postgres) in " ".join(process.info["cmdline"] or [])
        ]
        assert len(family) >= 5
        assert postgres
        second = subprocess.run(
            [sys.executable, "-m", "cathouse.cli", "up"],
            env=environment,
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert second.returncode == 1
        assert f"runs here already (process {command.pid})" in second.stderr
        started = time.monotonic()
        command.send_signal(signal.SIGINT)
        assert command.wait(timeout=10) == 0
        assert time.monotonic() - started < 5
    _, alive = psutil.wait_procs([*family, *postgres], timeout=5 - (time.monotonic() - started))
    # A zombie has ended; it waits for a parent that does not ask for it (the first process of some containers).
    assert not [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
