"""How often one address may call a route."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from fastapi import Depends, Request, Response

from cathouse.web.client_address import IpAddress, client_ip
from cathouse.web.limits.rates import Allowance, Limiter, Rates

_IPV6_CUSTOMER_BITS = 64
"""RFC 6177: nobody is given less than a /64, and whoever has one may use a fresh address for every call."""

_UNKNOWN = "unknown"


class AddressLimits:
    """A service's limits per client address, by name."""

    def __init__(self, limiter: Limiter, rates: Mapping[str, Rates], *, exempts_loopback: bool) -> None:
        """``exempts_loopback`` is for development: tests, seeds and demonstrations come from this machine."""
        self._limiter = limiter
        self._rates = rates
        self._exempts_loopback = exempts_loopback

    async def hit(self, name: str, address: IpAddress | None) -> Allowance | None:
        """Count a call, and return how the address stands with the limit; None when it has none.

        Clients without an address share one count.

        Raises:
            RateLimitedError: too many calls.
        """
        rates = self._rates[name]  # before the exemption: a name that nobody knows fails in development, too
        if self._exempts_loopback and address is not None and address.is_loopback:
            return None
        return await self._limiter.hit(f"{name}/{_counted_as(address)}", rates)


def limited_by_address(name: str) -> Any:  # noqa: ANN401 - a Depends, for `dependencies=[…]`
    """Hold each client's address to the limit ``name`` of the service's ``address_limits()``.

    For ``dependencies=[public, limited_by_address("logins")]``; the routes that name the same limit share it. Every
    call counts, whatever comes of it, and no database is asked. The dependencies of the decorator run before those of
    the function and before the body is validated: a refused call costs no hash and no query. What FastAPI does before
    any dependency is to read the body (1 MiB at most) and to decode it: so a body that is no JSON gets its 422
    uncounted.

    A successful answer carries RateLimit-Limit, -Remaining and -Reset of the limit of which the fewest calls are left.
    """

    async def limited(request: Request, response: Response) -> None:
        limits: AddressLimits = request.state.address_limits
        allowance = await limits.hit(name, client_ip(request))
        if allowance is not None:
            response.headers.update(allowance.headers())

    return Depends(limited)


def _counted_as(address: IpAddress | None) -> str:
    if address is None:
        return _UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, _IPV6_CUSTOMER_BITS), strict=False))
    return str(address)
