"""Names: every answer is looked at, what was looked at is connected to, and nothing tells what stands behind a name."""

import asyncio
import gc
import ipaddress
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from cathouse.tls import client_tls
from proxy_service.egress import resolver as egress_resolver
from proxy_service.egress.addresses import Address, is_public
from proxy_service.egress.client import LIKE_TIME_S
from proxy_service.egress.connection import MOST_TRIED, SECOND_ADDRESS_AFTER_S, Connection, Connections, Origin
from proxy_service.egress.errors import DestinationUnavailableError, EgressError
from proxy_service.egress.phases import Phases
from proxy_service.egress.resolver import GuardedResolver, UnresolvedError
from tests.proxy.hostile import (
    AT_ONCE_S,
    LOOPS,
    OTHER_OWNER,
    OWNER,
    ask,
    asking,
    at_once,
    hostile,
    none_left,
    outside,
    says,
    steady,
)
from tests.proxy.name_server import (
    EMPTY,
    FAILS,
    NO_SUCH_NAME,
    REFUSES,
    SILENT,
    Answer,
    NameServer,
    name_server,
)

HERE = "127.0.0.1"
PUBLIC, PUBLIC_6 = "93.184.216.34", "2606:4700:4700::1111"


def as_if_public(address: Address) -> bool:
    """Also this machine, which the tests' servers listen on."""
    return address == IPv4Address(HERE) or is_public(address)


@pytest.fixture(params=LOOPS, scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@asynccontextmanager
async def resolving(
    is_allowed: Callable[[Address], bool] = is_public, /, **names: Answer | Callable[[int], Answer]
) -> AsyncIterator[tuple[GuardedResolver, NameServer]]:
    async with name_server(**names) as server:
        resolver = GuardedResolver(servers=[server.address], is_allowed=is_allowed)
        try:
            yield resolver, server
        finally:
            await resolver.close()


async def opened(resolver: GuardedResolver, port: int, name: str = "cat.example.com") -> Connection:
    """A connection to a port of ours: URLs have none but 443."""
    return await Connections(resolver, client_tls()).open(Origin(OWNER, name, port, is_tls=False), Phases())


async def found(resolver: GuardedResolver, name: str) -> set[str]:
    return {str(address) for address in await resolver.resolve(OWNER, name)}


async def test_all_addresses_of_a_name_are_found_through_other_names_too() -> None:
    both = [("A", PUBLIC), ("A", "1.1.1.1"), ("AAAA", PUBLIC_6)]
    names: dict[str, Answer] = {
        "both": both,
        "four": [("A", PUBLIC)],
        "six": [("AAAA", PUBLIC_6)],
        "alias": [("CNAME", "a.example.net."), ("CNAME", "b.example.org."), *both],
        "mapped": [("AAAA", f"::ffff:{PUBLIC}")],
        "many": [("A", f"1.1.{last // 250}.{last % 250}") for last in range(300)],  # more than a datagram holds
    }
    async with resolving(is_public, **names) as (resolver, server):
        assert await found(resolver, "both.example.com") == {PUBLIC, "1.1.1.1", PUBLIC_6}
        assert await found(resolver, "four.example.com") == {PUBLIC}
        assert await found(resolver, "six.example.com") == {PUBLIC_6}
        assert await found(resolver, "alias.example.com") == {PUBLIC, "1.1.1.1", PUBLIC_6}
        assert await found(resolver, "mapped.example.com") == {"::ffff:5db8:d822"}
        assert server.over_tcp == 0
        assert len(await found(resolver, "many.example.com")) == 300
        assert server.over_tcp > 0


REFUSED: dict[str, Answer] = {
    "private": [("A", "10.0.0.1")],
    "loopback": [("A", HERE)],
    "metadata": [("A", "169.254.169.254")],
    "one of several": [("A", PUBLIC), ("A", "1.1.1.1"), ("A", "10.0.0.1")],
    "the first of several": [("A", "10.0.0.1"), ("A", PUBLIC)],
    "only by IPv6": [("A", PUBLIC), ("AAAA", "fd00:ec2::254")],
    "only by IPv4": [("A", "192.168.1.1"), ("AAAA", PUBLIC_6)],
    "another name": [("CNAME", "metadata.google.internal."), ("A", "169.254.169.254")],
    "another name of several": [("CNAME", "a.example.net."), ("A", PUBLIC), ("A", "127.0.0.2")],
    "localhost": [("CNAME", "localhost."), ("A", HERE), ("AAAA", "::1")],
    "mapped": [("AAAA", "::ffff:10.0.0.1")],
    "mapped metadata": [("AAAA", "::ffff:a9fe:a9fe")],
    "compatible": [("AAAA", "::7f00:1")],
    "NAT64": [("AAAA", "64:ff9b::a9fe:a9fe")],
    "local NAT64": [("AAAA", "64:ff9b:1::a9fe:a9fe")],
    "6to4": [("AAAA", "2002:a9fe:a9fe::1")],
    "Teredo": [("AAAA", "2001:0:4136:e378:8000:63bf:3fff:fdd2")],
    "link-local": [("AAAA", "fe80::1")],
    "multicast": [("A", "224.0.0.1")],
    "this network": [("A", "0.0.0.0")],  # noqa: S104 - an address to refuse
    "no such name": NO_SUCH_NAME,
    "an error": FAILS,
    "a refusal": REFUSES,
    "no records": EMPTY,
    "no address": [("CNAME", "a.example.net.")],
    "nothing but text": [("TXT", '"purr"')],
}


async def test_a_name_is_refused_that_leads_anywhere_else() -> None:
    names = {f"{place}.example.com": case for place, case in enumerate(REFUSED)}

    async def is_refused(name: str) -> bool:
        try:
            await resolver.resolve(OWNER, name)
        except UnresolvedError:
            return server.asked(name) > 0
        return False

    async with resolving() as (resolver, server):
        server.names.update({name: REFUSED[case] for name, case in names.items()})
        refused = {case for name, case in names.items() if await is_refused(name)}
    assert refused == set(REFUSED)


async def test_addresses_are_looked_at_in_whatever_spelling() -> None:
    async with resolving() as (resolver, _):
        for spelled in (HERE, "::1", "0x7f.1", "2130706433", "localhost", "cat.localhost", "169.254.169.254", "127.1"):
            with pytest.raises(UnresolvedError):
                await resolver.resolve(OWNER, spelled)


async def test_in_development_this_machine_is_let_through_by_its_names_and_no_other_way() -> None:
    async with name_server(cat=[("A", HERE)]) as server:
        resolver = GuardedResolver(allow_private=True, servers=[server.address])
        for named, addresses in (("localhost", {HERE, "::1"}), (HERE, {HERE}), ("::1", {"::1"})):
            assert await found(resolver, named) == addresses
        for name in ("cat.example.com", "127.0.0.2", "::ffff:127.0.0.1", "10.0.0.1"):
            with pytest.raises(UnresolvedError):
                await resolver.resolve(OWNER, name)
        await resolver.close()


async def test_a_name_is_not_tried_within_the_machines_own_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a cluster those lead to its services."""
    monkeypatch.setenv("LOCALDOMAIN", "svc.cluster.example")
    monkeypatch.setenv("RES_OPTIONS", "ndots:5")
    async with resolving() as (resolver, server):
        server.names["cat.example.com.svc.cluster.example"] = [("A", PUBLIC)]
        with pytest.raises(UnresolvedError):
            await resolver.resolve(OWNER, "cat.example.com")
        assert {name for name, _ in server.questions} == {"cat.example.com"}


async def test_a_name_server_that_is_silent_is_given_up_and_delays_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert egress_resolver.LOOKUP_TIMEOUT_S == 2
    monkeypatch.setattr(egress_resolver, "LOOKUP_TIMEOUT_S", 0.6)
    async with resolving(slow=SILENT, fine=[("A", PUBLIC)]) as (resolver, server):
        started = time.monotonic()
        # Calls of one cat share a question; another cat's have their own.
        waiting = [asyncio.create_task(resolver.resolve(OWNER, "slow.example.com")) for _ in range(20)]
        waiting.append(asyncio.create_task(resolver.resolve(OTHER_OWNER, "slow.example.com")))
        await at_once(lambda: server.questions["slow.example.com", "A"] == 2)
        for owner in (OWNER, OTHER_OWNER, uuid.uuid4()):
            assert len(await resolver.resolve(owner, "fine.example.com")) == 1
        assert not any(each.done() for each in waiting)
        # Who leaves takes nobody with him.
        waiting[0].cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert all(isinstance(each, UnresolvedError) for each in results[1:])
        assert 0.59 < time.monotonic() - started < 0.6 + AT_ONCE_S


async def test_a_name_server_that_says_half_is_not_believed_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its IPv4 answer comes, the other one never does: found or refused, and in time."""
    monkeypatch.setattr(egress_resolver, "LOOKUP_TIMEOUT_S", 0.6)
    async with resolving() as (resolver, server):
        half = server.answer
        server.answer = lambda query: half(query) if " A" in query.question[0].to_text() else None  # type: ignore[method-assign]
        server.names["cat.example.com"] = [("A", "10.0.0.1")]
        started = time.monotonic()
        with pytest.raises(UnresolvedError):
            await resolver.resolve(OWNER, "cat.example.com")
        assert time.monotonic() - started < 0.6 + AT_ONCE_S


async def test_the_look_ups_of_a_service_that_ends_are_ended() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    async with resolving(slow=SILENT) as (resolver, server):
        waiting = asyncio.create_task(resolver.resolve(OWNER, "slow.example.com"))
        await at_once(lambda: server.questions["slow.example.com", "A"] == 1)
        assert asked_over_udp(server)
        await resolver.close()
        assert (waiting.done(), resolver._under_way) == (True, {})
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not asked_over_udp(server)
        assert not told


def asked_over_udp(server: NameServer) -> int:
    """How many sockets of this process have asked it and wait."""
    return sum(bool(each.raddr) and each.raddr.port == server.port for each in psutil.Process().net_connections("udp4"))


async def test_a_look_up_that_fails_when_nobody_waits_any_more_is_no_event() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    async with resolving(slow=SILENT) as (resolver, server):
        waiting = asyncio.create_task(resolver.resolve(OWNER, "slow.example.com"))
        await at_once(lambda: server.questions["slow.example.com", "A"] == 1)
        waiting.cancel()
        await at_once(waiting.done)
        (lookup,) = resolver._under_way.values()
        resolver._resolver.cancel()  # c-ares says that it has failed
        await at_once(lookup.done)
        await asyncio.sleep(0)
        assert isinstance(lookup._exception, UnresolvedError)  # asking would be looking
        del lookup, waiting
        gc.collect()
    assert not told


@pytest.mark.parametrize("addresses", [[], ["cat"], [PUBLIC, "cat"], ["fe80::1%"], [b"\xff"]], ids=str)
async def test_what_a_name_server_says_and_is_no_address_refuses_its_name(
    addresses: list[str | bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-ares lets none through; one that did would not open the door."""

    async def says(*_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(nodes=[SimpleNamespace(addr=(each, 0)) for each in addresses])

    async with resolving() as (resolver, _):
        monkeypatch.setattr(resolver._resolver, "getaddrinfo", says)
        with pytest.raises(UnresolvedError):
            await resolver.resolve(OWNER, "cat.example.com")


async def test_the_connection_goes_to_what_was_looked_at_and_a_changed_answer_is_looked_at_anew() -> None:
    def turns(asked: int) -> Answer:
        return [("A", HERE)] if asked == 0 else [("A", "10.0.0.1")]

    fine = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with hostile(says(fine)) as server, resolving(as_if_public, cat=turns) as (resolver, names):
        connection = await opened(resolver, server.port)
        # One question for each kind of address: between the look and the connection there is no other.
        assert names.questions == {("cat.example.com", "A"): 1, ("cat.example.com", "AAAA"): 1}
        connection.abort()
        with pytest.raises(DestinationUnavailableError):
            await opened(resolver, server.port)
        assert server.connections == 1
        await none_left(server.port)


async def test_what_was_resolved_for_one_cat_is_looked_at_for_the_other() -> None:
    def turns(asked: int) -> Answer:
        return [("A", PUBLIC)] if asked == 0 else [("A", HERE)]

    async with resolving(cat=turns) as (resolver, _):
        assert await found(resolver, "cat.example.com") == {PUBLIC}
        for owner in (OWNER, OTHER_OWNER):
            with pytest.raises(UnresolvedError):
                await resolver.resolve(owner, "cat.example.com")


class Ordered(GuardedResolver):
    """c-ares sorts addresses as it likes; this one keeps to the order."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self._addresses = [ipaddress.ip_address(each) for each in addresses]

    async def resolve(self, owner: uuid.UUID, host: str) -> Sequence[Address]:  # noqa: ARG002 - they do not matter
        return self._addresses


async def test_an_address_that_hangs_does_not_keep_from_the_next_one() -> None:
    """RFC 8305: the next one is tried after a quarter of a second."""
    async with hostile(says(b"")) as server:
        hanging = ("127.0.0.2", server.port)
        # Where the line of those that wait is full, what comes is not answered at all.
        with socket.create_server(hanging, backlog=0), socket.create_connection(hanging):
            resolver = Ordered(hanging[0], HERE)
            started = time.monotonic()
            (await opened(resolver, server.port)).abort()
            assert time.monotonic() - started > SECOND_ADDRESS_AFTER_S - 0.01
            await none_left(server.port, but=1)
            await resolver.close()


async def test_of_many_addresses_the_first_few_are_tried() -> None:
    closed = [f"127.0.1.{last}" for last in range(1, MOST_TRIED + 1)]
    async with hostile(says(b"")) as server:
        few, many = Ordered(*closed[1:], HERE), Ordered(*closed, HERE)
        (await opened(few, server.port)).abort()
        with pytest.raises(DestinationUnavailableError):
            await opened(many, server.port)
        assert server.connections == 1
        await few.close()
        await many.close()


async def test_three_ways_not_to_be_there_look_alike_and_take_alike() -> None:
    """No such name, an address that is not connected to, nobody who listens; and a URL that is none."""
    urls = {
        "no such name": "https://nobody.example.com/",
        "no address": "https://empty.example.com/",
        "an error": "https://failing.example.com/",
        "forbidden": "https://private.example.com/",
        "nobody listens": "https://here.example.com/",
        "an address": "https://169.254.169.254/",
        "plain": "http://here.example.com/",
        "another port": "https://here.example.com:8443/",
    }
    names: dict[str, Answer] = {
        "empty": EMPTY,
        "failing": FAILS,
        "private": [("A", "10.0.0.1")],
        "here": [("A", "127.99.99.99")],  # where nothing listens on port 443
    }

    def allowed(address: Address) -> bool:
        return address == IPv4Address("127.99.99.99")

    told: set[tuple[Any, ...]] = set()

    async def fails(url: str) -> float:
        started = time.monotonic()
        with pytest.raises(EgressError) as raised:
            await ask(client, asking(url))
        error = raised.value
        told.add((type(error), error.status, error.detail, str(error.headers)))
        return time.monotonic() - started

    async def takes(url: str) -> float:
        return await steady(partial(fails, url), at_most=1.5 * LIKE_TIME_S)

    async with (
        resolving(allowed, **names) as (resolver, _),
        outside(resolver=resolver, private=False) as client,
    ):
        took = dict(zip(urls, await asyncio.gather(*(takes(url) for url in urls.values())), strict=True))
    assert len(told) == 1
    assert DestinationUnavailableError in told.pop()
    assert all(LIKE_TIME_S - 0.01 < seconds < 1.5 * LIKE_TIME_S for seconds in took.values()), took


async def test_a_slow_name_is_reported_at_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_resolver, "LOOKUP_TIMEOUT_S", 0.6)
    async with resolving(slow=SILENT) as (resolver, _), outside(resolver=resolver, private=False) as client:

        async def fails() -> float:
            started = time.monotonic()
            with pytest.raises(DestinationUnavailableError):
                await ask(client, asking("https://slow.example.com/"))
            return time.monotonic() - started

        assert 2 * LIKE_TIME_S - 0.01 < await steady(fails, at_most=2.5 * LIKE_TIME_S) < 2.5 * LIKE_TIME_S
