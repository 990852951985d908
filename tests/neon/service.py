"""A real HTTP server in front of Prism: Prism judges each call, an account remembers, a test may add faults."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.fixtures.prism import Prism
from tests.neon.account import Account, NotThereError
from tests.neon.document import Document

KEY = "napi_a-key-of-the-tests-and-of-nothing-else"


@dataclass
class Fault:
    """What goes wrong with the next ``times`` calls that fit; valid calls only."""

    method: str
    path: str
    status: int | None = None
    message: str = "not now"
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    carried_out: bool = False
    """Whether the account changes all the same; without a status the connection then ends without an answer."""
    silence_s: float = 0.0


@dataclass(frozen=True)
class Call:
    """One call as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]


@dataclass
class NeonService:
    """Where it answers, what it was asked, what it is to get wrong."""

    url: str
    prism: Prism
    document: Document
    account: Account = field(default_factory=Account)
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """Calls that Neon's document does not allow: there must be none."""

    def count(self, method: str, path: str) -> int:
        """How many calls were of this kind."""
        return sum(call.method == method and bool(re.fullmatch(path, call.path)) for call in self.calls)

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that is to happen now."""
        for fault in self.faults:
            if fault.times > 0 and fault.method == method and re.fullmatch(fault.path, path):
                fault.times -= 1
                return fault
        return None


@contextmanager
def neon_service(prism: Prism) -> Iterator[NeonService]:
    """Serve until the block is left."""
    service = NeonService("", prism, Document(prism.document))

    class Handler(_Handler):
        pass

    Handler.service = service
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms between its head and its body
    service: NeonService

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass

    def _handle(self) -> None:
        url = urlsplit(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(sent) if sent else {}
        query = dict(parse_qsl(url.query))
        call = Call(self.command, url.path, query, body)
        self.service.calls.append(call)
        judged = self._judge(call, sent)
        if judged.status_code >= 400:
            self._reply(judged.status_code, judged.json())
            return
        fault = self.service.fault(call.method, call.path)
        if fault is not None and not fault.carried_out:
            self._fail(fault)
            return
        try:
            answer = self.service.account.answer(call.method, call.path, query, body, judged.json())
        except NotThereError as error:
            self._reply(404, {"message": f"{error} not found", "code": ""})
            return
        if fault is None:
            self._reply(judged.status_code, answer)
        else:
            self._fail(fault)

    def _judge(self, call: Call, sent: bytes) -> httpx.Response:
        """Prism's answer; the calls that the document does not allow are noted."""
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        if headers.get("Authorization", f"Bearer {KEY}") != f"Bearer {KEY}":
            said = {"message": f"authentication failed for {headers['Authorization']}", "code": ""}
            return httpx.Response(401, json=said)
        judged = self.service.prism.http.request(call.method, self.path, content=sent, headers=headers)
        unknown = self.service.document.unknown_members(call.method, call.path, call.query, call.body)
        if judged.status_code >= 400 or unknown:
            reason = judged.headers.get("sl-violations", judged.text)
            self.service.violations.append(f"{call.method} {self.path} {call.body}: {unknown or reason}")
        return judged

    def _fail(self, fault: Fault) -> None:
        time.sleep(fault.silence_s)
        if fault.status is None:
            self.close_connection = True
        else:
            self._reply(fault.status, {"message": fault.message, "code": fault.code}, fault.headers)

    def _reply(self, status: int, answer: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        said = json.dumps(answer).encode()
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
        except OSError:  # the client has given up waiting
            self.close_connection = True
