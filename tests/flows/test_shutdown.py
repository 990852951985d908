"""A service that is told to stop finishes what it has begun, and leaves no connection behind."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment, start, stop, wait_until_ready
from tests.factories.accounts import registration
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET
from tests.fixtures.ports import free_port
from tests.fixtures.server import role_url

CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND usename = 'cathouse_auth_login'")
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND wait_event_type = 'Lock'")


def count(engine: Engine, query: object, url: DatabaseUrl) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(query, {"name": url.name}) or 0)  # type: ignore[call-overload]


def test_a_request_under_way_is_answered_before_the_service_ends(
    tmp_path: Path, clean_db: DatabaseUrl, owner_engine: Engine
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = plain_environment() | {
        "AUTH_PORT": str(port),
        "DATABASE_URL": role_url("auth", clean_db).for_libpq(),
        "JWT_SECRET": JWT_SECRET,
        "PLATFORM_SECRET": PLATFORM_SECRET,
    }
    log = tmp_path / "log"
    child = start("auth-service", ("-m", "auth_service"), environment, ready_url=f"{url}/health/ready", log=log)
    try:
        wait_until_ready([child])
        released = threading.Event()

        def hold_the_table() -> None:
            with owner_engine.begin() as connection:
                connection.execute(text("LOCK TABLE cathouse.users"))
                held.set()
                released.wait(10)

        held = threading.Event()
        with ThreadPoolExecutor(2) as threads:
            threads.submit(hold_the_table)
            held.wait(5)
            answering = threads.submit(
                httpx.post, f"{url}/api/v1/auth/register", json=registration(), timeout=20, trust_env=False
            )
            deadline = time.monotonic() + 10
            while not count(owner_engine, WAITING, clean_db):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            child.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert child.process.poll() is None  # it waits for the request
            released.set()
            assert answering.result().status_code == 201
        assert child.process.wait(timeout=10) in (0, -signal.SIGTERM)
    finally:
        stop([child])
    assert count(owner_engine, CONNECTIONS, clean_db) == 0
    assert "Traceback" not in log.read_text()


HANGING = """
import asyncio
import signal
import time

import uvicorn

from cathouse.web.server import _Process

signal.signal(signal.SIGTERM, signal.SIG_IGN)


async def app(scope, receive, send):
    await receive()
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    await send({"type": "lifespan.startup.complete"})
    print("up", flush=True)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


_Process(uvicorn.Config(app, port=0, lifespan="on", log_config=None)).run()
"""


def test_a_thread_that_hangs_as_a_name_look_up_may_keeps_no_service_from_ending() -> None:
    """Where a service is the first process of its container, the signal by itself ends nothing: so it is here."""
    child = subprocess.Popen((sys.executable, "-c", HANGING), stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "up\n"
        child.terminate()
        try:
            assert child.wait(timeout=10) == 0
        finally:
            child.kill()
