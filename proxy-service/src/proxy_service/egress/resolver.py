"""Looking names up, and letting only public addresses through."""

import asyncio
import contextlib
import ipaddress
import socket
import uuid
from collections.abc import Callable, Sequence

import aiodns
import pycares

from proxy_service.egress.addresses import Address, is_public

LOOKUP_TIMEOUT_S = 2.0
"""design/security.md, "The door to the outside"."""

# A name is what it says, and is not tried within the machine's own domains: those of a cluster lead to its services.
_FLAGS = pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_EDNS

_LOOPBACK = {
    "localhost": (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")),
    "127.0.0.1": (ipaddress.IPv4Address("127.0.0.1"),),
    "::1": (ipaddress.IPv6Address("::1"),),
}


class UnresolvedError(OSError):
    """A name that leads nowhere, or to an address that is not connected to."""


class GuardedResolver:
    """Resolves without threads, and refuses a name when any of its addresses is not public.

    The addresses that it returns are the ones that are connected to: there is no second look-up in between.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        servers: Sequence[str] = (),
        is_allowed: Callable[[Address], bool] = is_public,
    ) -> None:
        """``allow_private`` (development) lets this machine through by its usual names, and nothing else.

        ``servers`` are name servers, ``ADDRESS`` or ``ADDRESS:PORT``; without any, the machine's own are asked.
        """
        self._resolver = aiodns.DNSResolver(
            nameservers=list(servers) or None, timeout=LOOKUP_TIMEOUT_S, tries=1, flags=_FLAGS
        )
        self._allow_private = allow_private
        self._is_allowed = is_allowed
        self._under_way: dict[tuple[uuid.UUID, str], asyncio.Task[Sequence[Address]]] = {}

    async def resolve(self, owner: uuid.UUID, host: str) -> Sequence[Address]:
        """The addresses of ``host``, at least one, within two seconds.

        Calls of one ``owner`` (a cat) that want the same name at the same time share a look-up: however slow its name
        server is, a cat has one question under way for each name.

        Raises:
            UnresolvedError: there are none, one of them is forbidden, or the name server does not answer.
        """
        if self._allow_private and host in _LOOPBACK:
            return _LOOPBACK[host]
        key = (owner, host)
        lookup = self._under_way.get(key)
        if lookup is None:
            lookup = self._under_way[key] = asyncio.create_task(self._look_up(host))
            lookup.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(lookup)

    async def close(self) -> None:
        """End the look-ups under way."""
        under_way = list(self._under_way.values())
        for lookup in under_way:
            lookup.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._resolver.close()

    def _ended(self, key: tuple[uuid.UUID, str], lookup: asyncio.Task[Sequence[Address]]) -> None:
        self._under_way.pop(key, None)
        if not lookup.cancelled():
            lookup.exception()  # looked at, also when whoever asked has gone

    async def _look_up(self, host: str) -> Sequence[Address]:
        try:
            async with asyncio.timeout(LOOKUP_TIMEOUT_S):
                found = await self._resolver.getaddrinfo(host, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM)
        except (aiodns.error.DNSError, TimeoutError):
            raise UnresolvedError(f"{host} has no address") from None
        addresses = [address for node in found.nodes if (address := _address(node.addr[0])) is not None]
        if not addresses or len(addresses) != len(found.nodes):
            raise UnresolvedError(f"{host} has no address")
        if not all(self._is_allowed(address) for address in addresses):
            raise UnresolvedError(f"{host} leads to an address that is not public")
        return addresses


def _address(text: bytes | str) -> Address | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(text.decode() if isinstance(text, bytes) else text)
    return None
