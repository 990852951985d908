"""How a stream ends: with its token, its service, or a client that does not read."""

import asyncio
import signal
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment, start, stop, wait_until_ready
from installation_service.notifications import schemas
from tests.auth.tokens import signer_of
from tests.fixtures.house import PLATFORM_SECRET, House, directly, run_house
from tests.fixtures.ports import free_port
from tests.fixtures.server import role_url
from tests.fixtures.waiting import until
from tests.installation.notification_stream.listening import STREAM, home_of, listening, second_process


@directly
async def test_the_stream_ends_with_the_token(house: House) -> None:
    signer = await signer_of(house)
    now = int(time.time())
    made = signer.sign(signer.header, {**signer.claims, "iat": now - 5, "exp": now + 5})
    with capture_logs() as logs:
        async with listening(house, {"Authorization": f"Bearer {made}"}) as listener:
            async with asyncio.timeout(15):
                await listener.ended.wait()
            assert time.time() >= now + 4.9
            assert not listener.broken
        await until(lambda: [line for line in logs if line["event"] == "request" and line["route"] == STREAM])
    (line,) = [line for line in logs if line["event"] == "request" and line["route"] == STREAM]
    assert line["status"] == 200
    began_s = line["duration_ms"] / 1000  # how long it took to begin, and not how long it lasted
    assert began_s < line["stream_s"]
    metrics = (await house.call("installation", "GET", "/metrics")).text
    (total,) = [each for each in metrics.splitlines() if "seconds_sum" in each and STREAM in each]
    assert float(total.split()[-1]) == pytest.approx(began_s, abs=0.01)


@directly
async def test_a_client_that_does_not_read_is_cut_off_and_holds_nobody_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "LARGEST_DATA", 1_000_000)  # so that a few fill what systems hold for a client
    home = await home_of(house, cats=12)
    address = urlsplit(house.urls["installation"])
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else the system reads megabytes for it
    deaf.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, (address.hostname, address.port))
    ask = f"GET {STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: {home.player.headers['Authorization']}\r\n\r\n"
    await loop.sock_sendall(deaf, ask.encode())
    with capture_logs() as logs:
        async with listening(house, home.player.headers) as listener:
            for number in range(12):
                await home.send(number, str(number), data="x" * 900_000)
                await listener.hears(number + 1)
            await until(lambda: [line for line in logs if line.get("status") == 499])
        assert [line["event"] for line in logs if "does_not_read" in line["event"]]
    received = b""
    async with asyncio.timeout(10):
        while piece := await loop.sock_recv(deaf, 1 << 20):
            received += piece
    deaf.close()
    assert received.startswith(b"HTTP/1.1 200 ")
    assert not received.endswith(b"0\r\n\r\n")  # cut off, so that nobody takes it for whole
    assert received.count(b"event: notification") < 12


async def test_streams_end_before_the_service_does(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db) as house:
        player = await house.register()
        async with AsyncExitStack() as stack:
            async with second_process(house, clean_db) as url:
                listeners = [
                    await stack.enter_async_context(listening(house, player.headers, url=url)) for _ in range(3)
                ]
                begun = time.monotonic()
            assert time.monotonic() - begun < 2  # after which the server would cut them off
            for listener in listeners:
                await listener.until(lambda listener: listener.ended.is_set())
                assert not listener.broken


async def test_a_process_with_open_streams_ends_at_once(clean_db: DatabaseUrl, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with run_house(clean_db) as house:
        player = await house.register()
        environment = plain_environment() | {
            "INSTALLATION_PORT": str(port),
            "AUTH_URL": house.urls["auth"],
            "DATABASE_URL": role_url("installation", clean_db).for_libpq(),
            "PLATFORM_SECRET": PLATFORM_SECRET,
        }
        log = tmp_path / "log"
        child = start("service", ("-m", "installation_service"), environment, ready_url=f"{url}/health/ready", log=log)
        try:
            await asyncio.to_thread(wait_until_ready, [child])
            async with listening(house, player.headers, url=url) as listener:
                begun = time.monotonic()
                child.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(child.process.wait, 10)
                assert time.monotonic() - begun < 3  # its SHUTDOWN_TIMEOUT is four seconds
                await listener.until(lambda listener: listener.ended.is_set())
                assert not listener.broken
        finally:
            await asyncio.to_thread(stop, [child])
    assert "Traceback" not in log.read_text()
    assert '"error"' not in log.read_text()
