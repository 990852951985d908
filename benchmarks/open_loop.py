"""Requests at a given rate, whatever becomes of those before: as people and their browsers come.

wrk sends the next request when the last one was answered, so that a service that is slow is asked less. Here the clock
alone says when; each request goes out over a free connection or a new one. ``python -m benchmarks.open_loop`` is the
process of its own that :func:`send` starts.
"""

import asyncio
import json
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from typing import cast

import httptools
import uvloop

from benchmarks.figures import ROOT
from benchmarks.load import Call

NUMBER = "{n}"
"""In a call's path or body: the request's own number."""

BROKEN = 0
"""In place of a status: the connection broke, or nothing came."""

_TICK_S = 0.002
_LONGEST_S = 30.0
_KEPT_FOR_S = 3.0
"""Less than a service keeps a connection that nobody uses: else it could be closed while a request is on its way."""


@dataclass(frozen=True, slots=True)
class Phase:
    """For ``seconds`` either ``rate`` requests a second, or (a closed loop) as many at once as ``connections``."""

    seconds: float
    rate: float = 0.0
    connections: int = 0


@dataclass(slots=True)
class Sent:
    """One request: of which phase, which of the calls, its number, when it was due and when it was over, in seconds."""

    phase: int
    call: int
    number: int
    due: float
    ended: float
    status: int
    may_retry: bool

    @property
    def succeeded(self) -> bool:
        """Whether it was answered with 2xx."""
        return 200 <= self.status < 300

    @property
    def was_shed(self) -> bool:
        """Whether it was refused as it should be: not now, come again."""
        return self.status in (429, 503) and self.may_retry

    @property
    def seconds(self) -> float:
        """How long it took from when it was due."""
        return self.ended - self.due


def send(url: str, calls: Sequence[Call], phases: Sequence[Phase], *, first_number: int = 0) -> list[Sent]:
    """Send ``calls`` in turn, one phase after the other, and return what became of each.

    Raises:
        RuntimeError: the process did not do it.
    """
    wanted = {
        "url": url,
        "calls": [asdict(call) for call in calls],
        "phases": [asdict(phase) for phase in phases],
        "first_number": first_number,
    }
    command = (sys.executable, "-m", "benchmarks.open_loop")
    done = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603 - ourselves
    if done.returncode:
        raise RuntimeError(f"the load ended with {done.returncode}: {done.stderr}")
    return [Sent(*each) for each in json.loads(done.stdout)]


class _Load:
    """All requests and connections of one run."""

    def __init__(self, url: str, calls: Sequence[Call], first_number: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._requests = [_request(url, call) for call in calls]
        self._next = first_number
        self._first = first_number
        self._began = self._loop.time()
        self._under_way: set[_Connection] = set()
        self._opening = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._again: int | None = None
        self.free: deque[_Connection] = deque()
        self.sent: list[Sent] = []

    async def run(self, phases: Sequence[Phase]) -> None:
        for index, phase in enumerate(phases):
            if phase.connections:
                await self._keep_busy(index, phase)
            else:
                await self._keep_pace(index, phase)
        until = self._loop.time() + _LONGEST_S
        while (self._under_way or self._opening) and self._loop.time() < until:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.01)

    def now(self) -> float:
        return self._loop.time() - self._began

    def ended(self, connection: "_Connection") -> None:
        self._under_way.discard(connection)
        if self._again is not None:
            self._send(self._again, self.now())

    async def _keep_busy(self, index: int, phase: Phase) -> None:
        self._again = index
        for _ in range(phase.connections):
            self._send(index, self.now())
        await asyncio.sleep(phase.seconds)
        self._again = None

    async def _keep_pace(self, index: int, phase: Phase) -> None:
        begun, sent = self.now(), 0
        while (passed := self.now() - begun) < phase.seconds:
            while sent < passed * phase.rate:
                self._send(index, begun + sent / phase.rate)
                sent += 1
            self._close_unused()
            await asyncio.sleep(_TICK_S)

    def _close_unused(self) -> None:
        oldest = self.now() - _KEPT_FOR_S
        while self.free and self.free[0].free_since < oldest:
            self.free.popleft().close()

    def _send(self, phase: int, due: float) -> None:
        number = self._next
        self._next += 1
        call = (number - self._first) % len(self._requests)
        request = self._requests[call](number)
        sent = Sent(phase, call, number, due, due, BROKEN, may_retry=False)
        self.sent.append(sent)
        if self.free:
            connection = self.free.pop()
            self._under_way.add(connection)
            connection.send(sent, request)
            return
        self._opening += 1
        task = self._loop.create_task(self._open(sent, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, sent: Sent, request: bytes) -> None:
        try:
            _, connection = await self._loop.create_connection(lambda: _Connection(self), self._host, self._port)
        except OSError:
            sent.ended = self.now()
            return
        finally:
            self._opening -= 1
        self._under_way.add(connection)
        connection.send(sent, request)


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._sent: Sent | None = None
        self.free_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: it is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)

    def send(self, sent: Sent, request: bytes) -> None:
        self._sent = sent
        if self._transport.is_closing():
            self._end(BROKEN)
            return
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Asyncio's: something came."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, _value: bytes) -> None:
        """The parser's: a field of the answer."""
        if self._sent is not None and name.lower() == b"retry-after":
            self._sent.may_retry = True

    def on_message_complete(self) -> None:
        """The parser's: the answer is complete."""
        if self._parser.should_keep_alive():
            self.free_since = self._load.now()
            self._load.free.append(self)
        else:
            self._transport.close()
        self._end(self._parser.get_status_code())

    def connection_lost(self, _error: Exception | None) -> None:
        """Asyncio's: it is closed."""
        if self._sent is not None:
            self._end(BROKEN)
        elif self in self._load.free:
            self._load.free.remove(self)

    def _end(self, status: int) -> None:
        sent, self._sent = self._sent, None
        if sent is not None:
            sent.status, sent.ended = status, self._load.now()
            self._load.ended(self)


def _request(url: str, call: Call) -> Callable[[int], bytes]:
    """What is sent, by the request's number."""
    if NUMBER not in call.path + call.body:
        always = _text(url, call).encode()
        return lambda _: always

    def numbered(number: int) -> bytes:
        path, body = (text.replace(NUMBER, str(number)) for text in (call.path, call.body))
        return _text(url, replace(call, path=path, body=body)).encode()

    return numbered


def _text(url: str, call: Call) -> str:
    fields = [f"{call.method} {call.path} HTTP/1.1", f"Host: {url.removeprefix('http://')}"]
    if call.token:
        fields.append(f"Authorization: Bearer {call.token}")
    if call.body:
        fields += ["Content-Type: application/json", f"Content-Length: {len(call.body.encode())}"]
    return "\r\n".join([*fields, "", call.body])


async def _main() -> None:
    wanted = json.load(sys.stdin)
    calls = [Call(**each) for each in wanted["calls"]]
    load = _Load(wanted["url"], calls, wanted["first_number"])
    await load.run([Phase(**each) for each in wanted["phases"]])
    json.dump([astuple(sent) for sent in load.sent], sys.stdout)


if __name__ == "__main__":
    uvloop.run(_main())
