"""L2: what a service holds in memory under load, and what open streams of events cost.

Twenty seconds of load say nothing about growth; ``MINUTES=10`` in the environment is a real run.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

import psutil
from sqlalchemy import update

from benchmarks.baselines.running import baseline
from benchmarks.crowd import crowd
from benchmarks.figures import Figure
from benchmarks.homes import Home, refreshed
from benchmarks.load import Call, Load, press_all, wrk
from benchmarks.scene import Scene, meanwhile, scene, talk
from benchmarks.whole_house import usual_loads
from cathouse.database.engine import make_migration_engine
from cathouse.schema import Release
from cathouse.web import SERVICES, ServiceName

MINUTES = float(os.environ.get("MINUTES", "0.33"))
LONG_ENOUGH = 4.0
"""Minutes from which on growth is told: what is made once has been made by the second half."""

PORTION_S = 240
"""Less than a callback token lasts."""

CLIENTS = 8
"""At each service."""

PLAYERS, CATS, CATALOG = 50, 10, 1_000
OF_A_PLAYER, OF_A_HOME, OF_A_CAT = 10, 5, 50
"""Streams: as many as there may be. 500 of notifications at installation-service, 500 of words at proxy-service."""

SETTLED_S = 3.0
IDLE_S = 10.0

KIB, MIB = 1024, 1024 * 1024


def measure() -> list[Figure]:
    """Streams first, while the services are fresh; then all four under load at once."""
    wrk()
    with scene("open_cat") as here, baseline("quick_cat", here.folder, {}) as quick_cat:
        stack, proxy = here.stack, here.proxy
        homes = here.settle(players=PLAYERS, cats=CATS, catalog=CATALOG)
        inboxes = [Call("GET", "/api/v1/notifications/stream", token) for token in _players(homes)] * OF_A_PLAYER
        words = [talk(home) for home in _some_of_each_cat(homes)] * OF_A_HOME
        figures = asyncio.run(
            _streams("installation-service, a stream of notifications", stack.urls["installation"], inboxes)
        )
        figures += asyncio.run(_streams("proxy-service, a stream of a cat's words", proxy, words))
        with make_migration_engine(stack.databases.migration).begin() as connection:
            living = [cat.id for cat in crowd(CATALOG)]
            connection.execute(update(Release).where(Release.id.in_(living)).values(endpoint_url=f"{quick_cat}/"))
        urls = {**stack.urls, "proxy": proxy}
        with _sampled({name: _listening_at(urls[name]) for name in SERVICES}) as samples:
            done = list(_press(here, homes))
    for number, name in enumerate(SERVICES):
        seconds, sizes = zip(*samples[name][len(samples[name]) // 2 :], strict=True)
        growth = statistics.linear_regression(seconds, sizes).slope * 60 / KIB
        rate = statistics.mean(portion[number].rate for portion in done)
        what = f"{name}-service, {MINUTES:g} minutes of load"
        figures += [
            Figure("L2", f"{what}: calls", rate, "/s"),
            Figure("L2", f"{what}: failed calls", sum(portion[number].errors for portion in done), "", "≤ 0"),
            Figure("L2", f"{what}: memory at its end", sizes[-1] / MIB, "MiB"),
        ]
        if MINUTES >= LONG_ENOUGH:
            figures += [
                Figure("L2", f"{what}: growth in the second half", growth, "KiB/min"),
                Figure("L2", f"{what}: growth for a million calls", growth / (rate * 60) * 1e6 / KIB, "MiB"),
            ]
    return figures


def _press(here: Scene, homes: list[Home]) -> Iterator[list[Load]]:
    """Every service's load, portion by portion."""
    left_s = round(MINUTES * 60)
    while left_s > 0:
        homes = refreshed(here.folder, here.stack, homes)
        loads = usual_loads(here.stack, here.proxy, homes)
        yield press_all(loads, connections=CLIENTS, seconds=min(left_s, PORTION_S))
        left_s -= PORTION_S


async def _streams(what: str, url: str, calls: Sequence[Call]) -> list[Figure]:
    """Open one for each call, all at once, and a second time when they were closed."""
    process = _listening_at(url)
    async with asyncio.TaskGroup() as group:
        for call in calls[:20]:  # what the first ones bring along is no stream's
            group.create_task(_closed_again(url, call))
    await asyncio.sleep(SETTLED_S)
    sizes = [process.memory_info().rss]
    for _ in range(2):
        opened = [await _open(url, call) for call in calls]
        await asyncio.sleep(SETTLED_S)
        sizes.append(process.memory_info().rss)
        before, began = _processor_s(process), time.monotonic()
        await asyncio.sleep(IDLE_S)
        share = (_processor_s(process) - before) / (time.monotonic() - began)
        for writer in opened:
            writer.close()
        await asyncio.sleep(SETTLED_S)
    first, second = sizes[1] - sizes[0], sizes[2] - sizes[1]
    return [
        Figure("L2", f"{what}: each of {len(calls)}", first / len(calls) / KIB, "KiB"),
        Figure("L2", f"{what}: all closed and opened again, more for each", second / len(calls) / KIB, "KiB"),
        Figure("L2", f"{what}: processor time of {len(calls)} that are open", share * 100, "%"),
    ]


async def _open(url: str, call: Call) -> asyncio.StreamWriter:
    """A stream whose head has come, over a connection of its own."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"{call.method} {call.path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {call.token}\r\n"
    head += f"Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {len(call.body)}\r\n\r\n"
    writer.write(f"{head}{call.body}".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in answer.splitlines()[0] or b"text/event-stream" not in answer:
        raise RuntimeError(f"{call.path}: {answer!r}")
    return writer


async def _closed_again(url: str, call: Call) -> None:
    (await _open(url, call)).close()


def _players(homes: Sequence[Home]) -> list[str]:
    return list(dict.fromkeys(home.access_token for home in homes))


def _some_of_each_cat(homes: Sequence[Home]) -> list[Home]:
    """So many homes of each cat that all their streams are as many as a cat may have."""
    of_cats = [homes[start : start + PLAYERS] for start in range(0, len(homes), PLAYERS)]
    return [home for each in of_cats for home in islice(each, OF_A_CAT // OF_A_HOME)]


def _listening_at(url: str) -> psutil.Process:
    port = int(url.rsplit(":", 1)[1])
    found = next(
        each.pid
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid
    )
    return psutil.Process(found)


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _sampled(processes: Mapping[ServiceName, psutil.Process]) -> Iterator[dict[ServiceName, list[tuple[float, int]]]]:
    """Resident bytes of each, every second until the block is left, with the seconds since its beginning."""
    samples: dict[ServiceName, list[tuple[float, int]]] = {name: [] for name in processes}
    began = time.monotonic()

    def sample() -> None:
        for name, process in processes.items():
            samples[name].append((time.monotonic() - began, process.memory_info().rss))

    with meanwhile(sample, every_s=1.0):
        yield samples
