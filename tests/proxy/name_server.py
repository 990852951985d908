"""A name server on this machine that answers as a test says."""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.fixtures.serving import listen, port_of
from tests.proxy.hostile import none_here

Records = Sequence[tuple[str, str]]
"""Type and text of each, like ``("A", "192.0.2.1")``; behind a CNAME they are at its target."""

Answer = Records | dns.rcode.Rcode | None
"""Records of any types, of which those are sent that answer the question; an error; or nothing, ever."""

NO_SUCH_NAME = dns.rcode.NXDOMAIN
FAILS = dns.rcode.SERVFAIL
REFUSES = dns.rcode.REFUSED
EMPTY: Records = ()
SILENT = None

_LARGEST, _LARGEST_DATAGRAM = 65535, 512


@dataclass
class NameServer:
    """Answers by name; a function is called for each question with how often that was asked before."""

    port: int = 0
    names: dict[str, Answer | Callable[[int], Answer]] = field(default_factory=dict)
    questions: Counter[tuple[str, str]] = field(default_factory=Counter)
    over_tcp: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def asked(self, name: str) -> int:
        """How many questions came for a name, of all types."""
        return sum(count for (asked, _), count in self.questions.items() if asked == name)

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        """What is answered to a question; nothing, where it is to wait in vain."""
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        said = self.names.get(name, NO_SUCH_NAME)
        if callable(said):
            said = said(self.questions[name, kind])
        self.questions[name, kind] += 1
        if said is None:
            return None
        response = dns.message.make_response(query)
        if isinstance(said, dns.rcode.Rcode):
            response.set_rcode(said)
            return response
        owner = question.name
        for record, text in said:
            if record == "CNAME":
                response.answer.append(dns.rrset.from_text(owner, 0, "IN", "CNAME", text))
                owner = dns.name.from_text(text)
        found = [text for record, text in said if record == kind]
        if found:
            response.answer.append(dns.rrset.from_text(owner, 0, "IN", kind, *found))
        return response


@asynccontextmanager
async def name_server(**names: Answer | Callable[[int], Answer]) -> AsyncIterator[NameServer]:
    """Serve over UDP and TCP on the same port. A keyword is the first label of a name under ``example.com``."""
    server = NameServer(names={f"{label}.example.com": answer for label, answer in names.items()})
    loop = asyncio.get_running_loop()
    listener, bound = _same_port_of_both()
    server.port = port_of(listener)
    datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), sock=bound)

    writers: list[asyncio.StreamWriter] = []

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.over_tcp += 1
        writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                response = server.answer(dns.message.from_wire(await reader.readexactly(length)))
                if response is not None:
                    wire = response.to_wire(max_size=_LARGEST)
                    writer.write(struct.pack("!H", len(wire)) + wire)
        writer.close()

    streams = await asyncio.start_server(attend, sock=listener)
    try:
        yield server
    finally:
        streams.close()
        datagrams.close()
        for writer in writers:
            writer.transport.abort()
        await none_here(server.port)


def _same_port_of_both() -> tuple[socket.socket, socket.socket]:
    """One for TCP and one for UDP. What is free for the one may be taken for the other."""
    while True:
        listener = listen()
        datagrams = socket.socket(type=socket.SOCK_DGRAM)
        try:
            datagrams.bind(listener.getsockname())
        except OSError:
            listener.close()
            datagrams.close()
        else:
            return listener, datagrams


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._server.answer(dns.message.from_wire(data))
        if response is None or self._transport is None:
            return
        try:
            wire = response.to_wire(max_size=_LARGEST_DATAGRAM)
        except dns.exception.TooBig:
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        self._transport.sendto(wire, addr)
