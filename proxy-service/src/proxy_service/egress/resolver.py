"""Looking names up, and letting only public addresses through."""

import ipaddress
import socket

from aiohttp import AsyncResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from proxy_service.egress.addresses import is_public

LOOKUP_TIMEOUT_S = 2.0

_LOOPBACK = (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))


class ForbiddenAddressError(OSError):
    """The name leads to an address that we do not connect to."""


class GuardedResolver(AbstractResolver):
    """Resolves without threads, and refuses a name when any of its addresses is not public.

    The addresses that it returns are the ones that are connected to: there is no second look-up in between.
    """

    def __init__(self, *, allow_private: bool) -> None:
        """``allow_private`` (development) lets ``localhost`` through, and nothing else."""
        self._resolver = AsyncResolver(timeout=LOOKUP_TIMEOUT_S, tries=1)
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of ``host``.

        Raises:
            OSError: when there are none, or one of them is forbidden.
        """
        if host == "localhost" and self._allow_private:
            return [
                _result(host, address, port, kind) for address, kind in _LOOPBACK if family in (socket.AF_UNSPEC, kind)
            ]
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            if not is_public(ipaddress.ip_address(each["host"])):
                raise ForbiddenAddressError(f"{host} leads to an address that is not public")
        return found

    async def close(self) -> None:
        """End the look-ups under way."""
        await self._resolver.close()


def _result(hostname: str, host: str, port: int, family: socket.AddressFamily) -> ResolveResult:
    return ResolveResult(hostname=hostname, host=host, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
