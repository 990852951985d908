"""TLS to the outside: a certificate that proves the name, or no connection; and no word about why."""

import asyncio
import os
import socket
import ssl
import uuid
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from cathouse.tls import client_tls
from proxy_service.egress import connection
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.connection import Connection, Connections, Origin
from proxy_service.egress.errors import ConnectTimeoutError, EgressError, TlsError
from proxy_service.egress.phases import Phases
from proxy_service.egress.resolver import GuardedResolver
from tests.fixtures.tls import Authority
from tests.proxy.hostile import (
    FINE,
    LOOPS,
    OTHER_OWNER,
    OWNER,
    Visit,
    ask,
    asking,
    hostile,
    none_left,
    outside,
    says,
)
from tests.proxy.name_server import Answer, name_server

pytestmark = pytest.mark.usefixtures("kept_long")

NAME = "cat.example.com"
HERE = "127.0.0.1"


@pytest.fixture(params=LOOPS, scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


class Certificates:
    """An authority that is believed, an intermediate one, one that nobody knows, and what they signed for servers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = Authority("Cats")
        self.intermediate = Authority("Cats in between", issuer=self.authority)
        self.stranger = Authority("Somebody else")
        self.authority.write_certificate(folder / "authority.pem")
        self.intermediate.write_certificate(folder / "intermediate.pem")

    def server(
        self, *, issuer: Authority | None = None, name: str = NAME, sends_chain: bool = False, **how: Any
    ) -> ssl.SSLContext:
        """A server's side, with a certificate made for it."""
        certificate, key = (self._folder / f"{uuid.uuid4()}.{kind}" for kind in ("pem", "key"))
        (issuer or self.authority).issue(certificate, key, name=name, **how)
        if sends_chain:
            certificate.write_bytes(certificate.read_bytes() + (self._folder / "intermediate.pem").read_bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def self_signed(self) -> ssl.SSLContext:
        """One that vouches for itself."""
        alone = Authority(NAME)
        path = self._folder / "alone.pem"
        alone.write_certificate(path)
        key = self._folder / "alone.key"
        alone.write_key(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, key)
        return context

    def client(self) -> ssl.SSLContext:
        """Our side as it is in production, which believes this authority besides."""
        context = client_tls.__wrapped__()  # a new one: the other is everybody's
        context.load_verify_locations(self._folder / "authority.pem")
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


Opens = Callable[[int], Awaitable[Connection]]


@pytest.fixture
async def opens(certificates: Certificates) -> AsyncIterator[Opens]:
    """Connects to a port of this machine as ``cat.example.com``: URLs name no other port than 443."""
    async with name_server(cat=[("A", HERE)]) as names:
        resolver = GuardedResolver(servers=[names.address], is_allowed=lambda _: True)
        connections = Connections(resolver, certificates.client())

        async def open_(port: int) -> Connection:
            return await connections.open(Origin(OWNER, NAME, port, is_tls=True), Phases())

        yield open_
        await resolver.close()


def _old(context: ssl.SSLContext) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


ACCEPTED: dict[str, Callable[[Certificates], ssl.SSLContext]] = {
    "its name": lambda made: made.server(),
    "its domain's names": lambda made: made.server(name="*.example.com"),
    "an intermediate authority that is sent along": lambda made: made.server(
        issuer=made.intermediate, sends_chain=True
    ),
}
REFUSED: dict[str, Callable[[Certificates], ssl.SSLContext]] = {
    "another name": lambda made: made.server(name="dog.example.com"),
    "a longer name": lambda made: made.server(name=f"my.{NAME}"),
    "another domain's names": lambda made: made.server(name="*.cat.example.com"),
    "its address": lambda made: made.server(name=HERE),
    "its name in the subject only": lambda made: made.server(is_san=False),
    "a time that is over": lambda made: made.server(from_days=-3, to_days=-1),
    "a time to come": lambda made: made.server(from_days=1, to_days=3),
    "no authority but itself": lambda made: made.self_signed(),
    "an authority that nobody knows": lambda made: made.server(issuer=made.stranger),
    "an intermediate authority that is not sent along": lambda made: made.server(issuer=made.intermediate),
    "a server that speaks TLS 1.1 at most": lambda made: _old(made.server()),
}


@pytest.mark.parametrize("case", ACCEPTED)
async def test_a_certificate_proves(opens: Opens, certificates: Certificates, case: str) -> None:
    async with hostile(says(FINE), tls=ACCEPTED[case](certificates)) as server:
        opened = await opens(server.port)
        assert opened.is_usable
        opened.abort()
        await none_left(server.port)


async def refused(opens: Opens, port: int, *, but: int = 0) -> EgressError:
    with pytest.raises(EgressError) as raised:
        await opens(port)
    await none_left(port, but=but)
    return raised.value


def say_nothing_of_it(error: EgressError) -> bool:
    """It is the same error whatever was wrong, and does not carry the library's."""
    same = TlsError()
    assert isinstance(error, TlsError)
    assert (error.status, error.code) == (502, "tls_certificate_error")
    assert (error.detail, error.headers) == (same.detail, same.headers)
    return error.__suppress_context__ and error.__cause__ is None


@pytest.mark.parametrize("case", REFUSED)
async def test_a_certificate_does_not_prove_when_it_has(opens: Opens, certificates: Certificates, case: str) -> None:
    async with hostile(says(FINE), tls=REFUSED[case](certificates)) as server:
        assert say_nothing_of_it(await refused(opens, server.port))
        assert not server.requests


async def test_what_is_no_tls_is_refused_in_the_same_way(opens: Opens) -> None:
    async def plain(visit: Visit) -> None:
        await visit.reader.read(1)
        await visit.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async def closes(visit: Visit) -> None:
        await visit.reader.read(1)
        visit.writer.close()

    async def closes_at_once(visit: Visit) -> None:
        visit.writer.close()

    async def resets(visit: Visit) -> None:
        await visit.reader.read(1)
        own = cast("socket.socket", visit.writer.get_extra_info("socket"))
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        visit.writer.transport.abort()

    async def breaks_off(visit: Visit) -> None:
        await visit.reader.read(1)
        await visit.send(b"\x16\x03\x03\x00\x7a\x02\x00")
        visit.writer.close()

    for behaviour in (plain, closes, closes_at_once, resets, breaks_off):
        async with hostile(behaviour) as server:
            assert say_nothing_of_it(await refused(opens, server.port))


async def test_a_handshake_that_does_not_end_is_given_up(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection.CONNECT_TIMEOUT_S == 3
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.3)

    async def silent(_visit: Visit) -> None:
        await asyncio.sleep(10)

    async def drips(visit: Visit) -> None:
        await visit.send(
            *(bytes([byte]) for byte in b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb" + bytes(100)), every_s=0.02
        )

    for behaviour in (silent, drips):
        async with hostile(behaviour) as server:
            error = await refused(opens, server.port)
            assert isinstance(error, ConnectTimeoutError)
            assert (error.status, error.code) == (504, "connection_timeout")


async def test_an_address_that_never_answers_is_given_up(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.3)
    with socket.create_server((HERE, 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection((HERE, port)):
            # The line of those that wait is full: what comes now is not answered at all.
            error = await refused(opens, port, but=1)
            assert isinstance(error, ConnectTimeoutError)


def _listen_on_443() -> socket.socket:
    """Of an address of this process's own, so that tests may run beside one another."""
    pid = os.getpid()
    try:
        return socket.create_server((f"127.{64 + (pid >> 14) % 64}.{(pid >> 7) % 128}.{1 + pid % 128}", 443))
    except PermissionError:
        pytest.skip("ports below 1024 are not open to this user, and an outside URL names no other than 443")


@pytest.fixture
async def client(certificates: Certificates) -> AsyncIterator[tuple[OutsideClient, socket.socket]]:
    """The door as it is in production, and a port 443 that all names lead to."""
    listener = _listen_on_443()
    here: Answer = [("A", listener.getsockname()[0])]
    async with name_server(cat=here) as names:
        names.names["xn--ktzchen-5wa.example"] = here
        resolver = GuardedResolver(servers=[names.address], is_allowed=lambda _: True)
        async with outside(tls=certificates.client(), resolver=resolver, private=False) as door:
            yield door, listener


async def test_a_call_goes_to_port_443_with_the_name_that_was_proved(
    client: tuple[OutsideClient, socket.socket], certificates: Certificates
) -> None:
    door, listener = client
    asked_for: list[str | None] = []
    context = certificates.server()
    context.sni_callback = lambda _own, name, _context: asked_for.append(name)
    async with hostile(says(FINE), listener=listener, tls=context) as server:
        for url in (f"https://{NAME}/a?b=c", f"https://{NAME}:443/", f"https://{NAME.upper()}", f"https://{NAME}./"):
            assert (await ask(door, asking(url)))[1] == b"{}"
            assert b"\r\nHost: cat.example.com\r\n" in server.requests[-1]
        # All that is one place: its connection was kept, and the name asked for in clear has no dot at its end.
        assert (server.connections, asked_for) == (1, [NAME])
        await ask(door, asking(f"https://{NAME}/", owner=OTHER_OWNER))
        assert server.connections == 2
        phases = Phases()
        async with door.call(asking(f"https://{NAME}/"), timeout_s=1, phases=phases):
            pass
        assert None not in (phases.lookup, phases.connect, phases.tls, phases.first_byte)


async def test_a_name_beyond_ascii_is_proved_in_its_ascii_form(
    client: tuple[OutsideClient, socket.socket], certificates: Certificates
) -> None:
    door, listener = client
    async with hostile(
        says(FINE), listener=listener, tls=certificates.server(name="xn--ktzchen-5wa.example")
    ) as server:
        assert (await ask(door, asking("https://kätzchen.example/")))[1] == b"{}"
        assert b"\r\nHost: xn--ktzchen-5wa.example\r\n" in server.requests[-1]


async def test_a_connection_is_not_kept_when_the_answer_came_before_the_request_was_read(
    client: tuple[OutsideClient, socket.socket], certificates: Certificates
) -> None:
    async def answers_early(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.send(FINE)
        await asyncio.sleep(0.3)

    door, listener = client
    async with hostile(answers_early, listener=listener, tls=certificates.server(), reads_little=True) as server:
        for _ in range(2):
            assert (await ask(door, asking(f"https://{NAME}/", body=bytes(1024 * 1024))))[1] == b"{}"
            await none_left(443)
        assert server.connections == 2


async def test_who_leaves_closes_at_once(
    client: tuple[OutsideClient, socket.socket], certificates: Certificates
) -> None:
    async def never_ends(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await visit.send(b"data: 1\n\n", every_s=0.01)

    door, listener = client
    async with hostile(never_ends, listener=listener, tls=certificates.server()) as server:
        async with door.call(asking(f"https://{NAME}/"), timeout_s=1) as answer:
            async for _chunk in answer.stream(idle_s=1, total_s=5):
                break
        await none_left(443)
        await server.until_left()
