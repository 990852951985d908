"""One request and what is answered to it: HTTP/1.1 read by a C parser (llhttp), every limit in our hands."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import httptools

from proxy_service.egress.errors import EgressError, MalformedAnswerError

LARGEST_HEAD = 32 * 1024
MOST_FIELDS = 100
"""All heads of an answer together, with 1xx ones and trailers. design/security.md, "The door to the outside"."""

LARGEST_BUFFER = 64 * 1024
"""Bytes of a body that wait to be read before no more are taken from the network."""


@dataclass(frozen=True, slots=True)
class Head:
    """The final head of an answer. Names in lower case; a field that came several times is joined by commas."""

    status: int
    headers: Mapping[str, str]


class _RefusedError(Exception):
    """Ends the parser's work; why is noted already."""


class _ExcessError(Exception):
    """Something follows a complete answer."""


class Exchange:
    """What comes back over a connection for one request. The parser calls its ``on_…`` methods.

    An answer is either read to its end or fails; once it has failed, each read says so.
    """

    def __init__(self, transport: asyncio.Transport, *, is_bodiless: bool) -> None:
        """``is_bodiless`` for HEAD, whose answer ends with its head whatever that says."""
        self._transport = transport
        self._is_bodiless = is_bodiless
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._failure: EgressError | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._field_count = 0
        self._head_bytes = 0
        self._is_fruitful = False
        self._withheld_bytes = 0
        self._head: Head | None = None
        self._is_interim = False
        self._ends_with_connection = False
        self._is_complete = False
        self._has_excess = False
        self._goes_on = False
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._is_paused = False
        self._limit: asyncio.TimerHandle | None = None

    def limit(self, deadline: float, error: EgressError) -> None:
        """Let whoever reads meet ``error`` from ``deadline`` on, by the loop's clock, unless the answer is complete.

        One timer for a whole exchange: a block with a time-out around each wait took longer than the waits.
        """
        self._limit = asyncio.get_running_loop().call_at(deadline, self.interrupt, error)

    def unlimited(self) -> None:
        """Take the limit away."""
        if self._limit is not None:
            self._limit.cancel()

    async def head(self) -> Head:
        """The head, when it has come.

        Raises:
            MalformedAnswerError: what came is no answer.
        """
        while self._head is None:
            self._check()
            await self._progress()
        return self._head

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes.

        Raises:
            MalformedAnswerError: it broke off, or is not what HTTP wants.
        """
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._buffered -= len(chunk)
                if self._is_paused and self._buffered <= LARGEST_BUFFER // 2:
                    self._is_paused = False
                    self._transport.resume_reading()
                yield chunk
            if self._is_complete:
                return
            self._check()
            await self._progress()

    @property
    def leaves_connection_usable(self) -> bool:
        """Whether all of the answer was read, nothing else came, and both sides mean to go on."""
        return (
            self._is_complete and not self._chunks and not self._has_excess and self._failure is None and self._goes_on
        )

    def interrupt(self, error: EgressError) -> None:
        """Let whoever reads, or reads next, meet ``error`` unless the answer is complete."""
        if self._failure is None and not self._is_complete:
            self._failure = error
        self._wake()

    async def _progress(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def feed(self, data: bytes) -> None:
        """Take what came over the network."""
        if self._is_complete or self._failure is not None:
            self._has_excess = True
            return
        self._is_fruitful = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("The endpoint switched to another protocol.")
        except httptools.HttpParserError:
            # What comes behind a complete answer is no part of it.
            self._has_excess = True
            if not self._is_complete:
                self._fail("The endpoint's answer is not valid HTTP/1.1.")
        self._withheld_bytes = 0 if self._is_fruitful else self._withheld_bytes + len(data)
        if not self._is_complete:
            self._check_head_size()
        self._wake()

    def end(self, error: Exception | None) -> None:
        """The connection is gone."""
        if self._ends_with_connection and error is None and self._failure is None:
            self._is_complete = True
        elif not self._is_complete:
            self._fail("The endpoint closed the connection before its answer was complete.")
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, cause: str) -> None:
        if self._failure is None:
            self._failure = MalformedAnswerError(cause)

    def _refuse(self, cause: str) -> None:
        """End the parser's work from within one of its calls."""
        self._fail(cause)
        raise _RefusedError

    def _check_head_size(self) -> None:
        # What came and bore neither a final head nor a body is a line that does not end (head, trailer, chunk),
        # which the parser collects without a limit of its own, or one 1xx after the other.
        if max(self._head_bytes, self._withheld_bytes) > LARGEST_HEAD or self._field_count > MOST_FIELDS:
            self._fail("The endpoint's answer has too many headers.")

    def on_message_begin(self) -> None:
        """A head begins: the first, or one behind a 1xx; behind the final answer there must be none."""
        if self._is_complete:
            raise _ExcessError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field or a trailer."""
        self._field_count += 1
        self._head_bytes += len(name) + len(value)
        self._check_head_size()
        if self._failure is not None:
            raise _RefusedError
        if self._head is None:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """A head is complete; only a final one counts."""
        if self._parser.get_http_version() not in ("1.0", "1.1"):
            self._refuse("The endpoint's answer is not valid HTTP/1.1.")
        status = self._parser.get_status_code()
        self._is_interim = 100 <= status < 200
        if status == 101:
            self._refuse("The endpoint switched to another protocol.")
        if self._is_interim:
            self._fields.clear()
            return
        if not 200 <= status <= 599:
            self._refuse(f"The endpoint answered with status {status}, which does not exist.")
        headers: dict[str, str] = {}
        for raw_name, raw_value in self._fields:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self._check_framing(status, headers)
        self._head = Head(status, headers)
        self._is_fruitful = True
        if self._is_bodiless:
            self._is_complete = True

    def _check_framing(self, status: int, headers: Mapping[str, str]) -> None:
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None and length is not None:
            self._refuse("The endpoint's answer carries both Content-Length and Transfer-Encoding.")
        if coding is not None and coding.lower() != "chunked":
            self._refuse("The endpoint's answer has a Transfer-Encoding other than chunked.")
        self._ends_with_connection = coding is None and length is None and status not in (204, 304)

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self._is_complete:
            self._has_excess = True
            return
        self._chunks.append(data)
        self._buffered += len(data)
        self._is_fruitful = True
        if self._buffered > LARGEST_BUFFER and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """An answer, or a 1xx, is complete."""
        if not self._is_interim:
            self._is_complete = True
            self._goes_on = not self._ends_with_connection and self._parser.should_keep_alive()
