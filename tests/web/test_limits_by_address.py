"""How often one address may do something: whose calls count together, and what an answer says of it."""

import httpx
import pytest
from fastapi import FastAPI, Request

from cathouse.errors import ServiceError
from cathouse.web import Limiter, limited_by_address, parse_rates
from cathouse.web.contract.problems import install_problem_handlers
from cathouse.web.limits.by_address import AddressLimits
from cathouse.web.limits.memory import BoundedMemoryStorage


def limited_app(rates: str, *, exempts_loopback: bool = False) -> FastAPI:
    """One limited route, for whatever address a test says."""
    app = FastAPI()
    install_problem_handlers(app)
    limits = AddressLimits(
        Limiter(BoundedMemoryStorage()), {"calls": parse_rates(rates)}, exempts_loopback=exempts_loopback
    )

    @app.middleware("http")
    async def provide(request: Request, call_next: object) -> object:
        request.state.address_limits = limits
        return await call_next(request)  # type: ignore[operator]  # starlette's own function

    @app.post("/limited", dependencies=[limited_by_address("calls")])
    async def limited(body: dict[str, int]) -> dict[str, int]:
        if body.get("fail"):
            raise ServiceError
        return body

    return app


async def post(app: FastAPI, address: str | None, content: str = "{}") -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(address, 1) if address is not None else None)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.post("/limited", content=content, headers={"Content-Type": "application/json"})


async def statuses(app: FastAPI, *addresses: str | None) -> list[int]:
    return [(await post(app, address)).status_code for address in addresses]


async def test_each_address_has_its_own_count() -> None:
    app = limited_app("1/minute")
    assert await statuses(app, "203.0.113.1", "203.0.113.2", "203.0.113.1") == [200, 200, 429]


async def test_an_ipv6_network_of_64_bits_is_one_client() -> None:
    app = limited_app("1/minute")
    addresses = ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1", "2001:db8:0:1::1%eth0")
    assert await statuses(app, *addresses) == [200, 429, 200, 429]


async def test_an_ipv4_address_in_ipv6_is_that_address() -> None:
    app = limited_app("1/minute")
    assert await statuses(app, "::ffff:203.0.113.1", "203.0.113.1", "::ffff:203.0.113.2") == [200, 429, 200]


async def test_who_has_no_address_shares_a_count() -> None:
    app = limited_app("2/minute")
    assert await statuses(app, None, "unknown", "x" * 1_000_000) == [200, 200, 429]


async def test_loopback_is_exempt_in_development_and_nowhere_else() -> None:
    loopback = ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1")
    assert await statuses(limited_app("1/minute", exempts_loopback=True), *loopback) == [200] * 4
    assert await statuses(limited_app("1/minute"), "127.0.0.1", "127.0.0.1", "::1", "::1") == [200, 429, 200, 429]
    exempting = limited_app("1/minute", exempts_loopback=True)
    assert await statuses(exempting, "10.0.0.1", "10.0.0.1", None, None) == [200, 429, 200, 429]


@pytest.mark.parametrize(("content", "status"), [("{}", 200), ('{"fail": 1}', 500), ('{"a": "x"}', 422), ("[]", 422)])
async def test_a_call_counts_whatever_comes_of_it(content: str, status: int) -> None:
    app = limited_app("1/minute")
    assert (await post(app, "203.0.113.1", content)).status_code == status
    assert (await post(app, "203.0.113.1", content)).status_code == 429


async def test_what_is_no_json_is_refused_before_any_limit() -> None:
    """FastAPI decodes a body before it asks the first dependency; should that change, the docstring must follow."""
    app = limited_app("1/minute")
    assert [(await post(app, "203.0.113.1", "{")).status_code for _ in range(2)] == [422, 422]


async def test_answers_tell_how_it_stands() -> None:
    app = limited_app("2/minute")
    good = await post(app, "203.0.113.1")
    assert (good.headers["ratelimit-limit"], good.headers["ratelimit-remaining"]) == ("2", "1")
    assert 1 <= int(good.headers["ratelimit-reset"]) <= 60
    await post(app, "203.0.113.1")
    refused = await post(app, "203.0.113.1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
    assert refused.json()["code"] == "rate_limited"
    unlimited = await post(limited_app("off"), "203.0.113.1")
    assert "ratelimit-limit" not in unlimited.headers
