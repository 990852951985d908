"""The keys of auth-service, as the other services hold them: asked for rarely, kept while it is away, not for ever."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from cathouse.identity import (
    AccessTokenVerifier,
    InvalidTokenError,
    KeysUnavailableError,
    RemoteJwks,
    jwks,
    read_ec_keys,
    read_rsa_keys,
)
from cathouse.identity.access_tokens import ALGORITHM, LIFE_S, TYPE
from cathouse.identity.compact import sign
from cathouse.schema.ownership import SERVICES
from tests.fixtures.serving import listen, port_of, serve

MINUTE, HOUR = 60.0, 3600.0
ISSUER = "https://auth.example"


@dataclass
class Clock:
    """What the keys' age is measured by."""

    ahead: float = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class KeyServer:
    """auth-service, as far as it publishes keys, behind a real HTTP server."""

    port: int
    keys: dict[str, ECKey] = field(default_factory=dict)
    fetches: int = 0
    says: Response | None = None
    running: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/.well-known/jwks.json"

    def make_key(self) -> str:
        key = ECKey.generate_key("P-256", private=True)
        self.keys[key.thumbprint()] = key
        return key.thumbprint()

    def token(self, kid: str) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": str(uuid.uuid4()),
            "aud": list(SERVICES),
            "iat": now,
            "exp": now + LIFE_S,
            "role": "player",
            "auth_time": now,
        }
        return sign(claims, self.keys[kid], algorithm=ALGORITHM, typ=TYPE, kid=kid)

    async def answer(self, _request: Request) -> Response:
        self.fetches += 1
        published = [{**key.as_dict(private=False), "kid": kid} for kid, key in self.keys.items()]
        return self.says or JSONResponse({"keys": published})

    async def go_away(self) -> None:
        await self.running.aclose()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(jwks, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    listener = listen()
    server = KeyServer(port_of(listener))
    app = Starlette(routes=[Route("/.well-known/jwks.json", server.answer)])
    async with server.running:
        await server.running.enter_async_context(serve(app, listener))
        yield server


@pytest.fixture
async def keys(clock: Clock, server: KeyServer) -> AsyncIterator[RemoteJwks[ECKey]]:
    keys = RemoteJwks(server.url, read=read_ec_keys)
    yield keys
    await keys.close()


async def flood(keys: RemoteJwks[ECKey], number: int = 100) -> None:
    found = await asyncio.gather(*(keys.find(uuid.uuid4().hex) for _ in range(number)))
    assert set(found) == {None}


async def renewed(keys: RemoteJwks[ECKey]) -> None:
    """Let a request begin the renewal that is due, and wait for its end."""
    assert keys.generation >= 0
    while keys._renewing is not None:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


async def test_a_flood_of_unknown_keys_costs_one_fetch_in_ten_seconds(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    kid = server.make_key()
    await flood(keys)
    assert server.fetches == 1
    for ahead, fetches in ((0.0, 1), (5.0, 1), (11.0, 2), (16.0, 2), (22.0, 3)):
        clock.ahead = ahead
        await flood(keys)
        await flood(keys)
        assert await keys.find(kid)
        assert server.fetches == fetches


async def test_a_flood_while_auth_service_is_away_costs_one_try_in_ten_seconds(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    kid = server.make_key()
    assert await keys.find(kid)
    server.says = JSONResponse({"keys": []}, status_code=503)  # whatever else it says
    for ahead, fetches in ((11.0, 2), (12.0, 2), (22.0, 3), (MINUTE + 11, 4), (MINUTE + 12, 4)):
        clock.ahead = ahead
        await flood(keys)
        assert await keys.find(kid)
        assert server.fetches == fetches


async def test_a_new_key_is_found_by_the_request_that_names_it(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    old = server.make_key()
    assert await keys.find(old)
    new = server.make_key()
    clock.ahead = 11.0
    found = await asyncio.gather(*(keys.find(kid) for kid in (new, old, new)))
    assert None not in found
    assert server.fetches == 2


async def test_a_new_key_is_known_before_it_signs(clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]) -> None:
    assert await keys.find(server.make_key())
    new = server.make_key()
    clock.ahead = MINUTE + 1
    await renewed(keys)
    assert server.fetches == 2
    await server.go_away()
    assert await keys.find(new)


async def test_keys_are_asked_for_once_a_minute_however_many_requests_name_them(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    kid = server.make_key()
    assert await keys.find(kid)
    before = keys.generation
    for ahead, fetches in ((11.0, 1), (MINUTE - 1, 1), (MINUTE + 1, 2), (MINUTE + 12, 2)):
        clock.ahead = ahead
        assert await keys.find(kid)
        await renewed(keys)
        assert server.fetches == fetches
    assert keys.generation == before  # they are the same ones: what was checked under them stays


async def test_finding_a_key_is_enough_to_renew_them(clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]) -> None:
    kid = server.make_key()
    assert await keys.find(kid)
    clock.ahead = MINUTE + 1
    assert await keys.find(kid)
    assert keys._renewing is not None


async def test_who_names_a_new_key_waits_for_the_renewal_that_is_on_its_way(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    assert await keys.find(server.make_key())
    new = server.make_key()
    clock.ahead = MINUTE + 1
    assert keys.generation >= 0
    await asyncio.sleep(0)  # it has begun
    assert await keys.find(new)
    assert server.fetches == 2


async def test_a_renewal_ends_with_the_service(clock: Clock, server: KeyServer) -> None:
    keys = RemoteJwks(server.url, read=read_ec_keys)
    assert await keys.find(server.make_key())
    clock.ahead = MINUTE + 1
    assert keys.generation >= 0
    renewing = keys._renewing
    assert renewing is not None
    await keys.close()
    assert renewing.cancelled()


async def test_the_keys_come_from_their_address_whatever_proxy_the_environment_names(
    clock: Clock, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    keys = RemoteJwks(server.url, read=read_ec_keys)
    assert await keys.find(server.make_key())
    await keys.close()


def test_only_the_keys_that_an_algorithm_can_use_are_taken() -> None:
    def published(key: ECKey | RSAKey, **members: Any) -> dict[str, Any]:
        return {**key.as_dict(private=False), **members}

    ec, rsa = ECKey.generate_key("P-256"), RSAKey.generate_key(2048)
    document = {
        "keys": [
            published(ec, kid="es256"),
            published(ec, kid=7),
            published(ec, kty="OKP", kid="no curve of ours"),
            published(ECKey.generate_key("P-384"), kid="es384"),
            published(rsa, kid="any rsa"),
            published(rsa, kid="rs256", alg="RS256"),
            published(rsa, kid="rs512", alg="RS512"),
            published(rsa, kid=7),
            {"kty": "oct", "k": "AAAA", "kid": "secret"},
        ]
    }
    assert read_ec_keys(document).keys() == {"es256"}
    assert read_rsa_keys(document).keys() == {"any rsa", "rs256"}


async def test_stale_keys_serve_for_a_day_while_auth_service_is_away(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    kid = server.make_key()
    assert await keys.find(kid)
    await server.go_away()
    for ahead in (MINUTE, HOUR, 23 * HOUR, 24 * HOUR - MINUTE):
        clock.ahead = ahead
        assert await keys.find(kid)
        await renewed(keys)
        assert await keys.find(uuid.uuid4().hex) is None
    clock.ahead = 24 * HOUR + MINUTE
    with capture_logs() as logs:
        await renewed(keys)
    assert [(each["event"], each["url"]) for each in logs] == [("jwks.fetch_failed", server.url)]
    for each in (kid, uuid.uuid4().hex):
        with pytest.raises(KeysUnavailableError) as refusal:
            await keys.find(each)
        assert (refusal.value.status, refusal.value.headers) == (503, {"Retry-After": "2"})


async def test_keys_serve_again_when_auth_service_is_back_after_more_than_a_day(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    kid = server.make_key()
    assert await keys.find(kid)
    server.says = Response(status_code=503)
    clock.ahead = 25 * HOUR
    with pytest.raises(KeysUnavailableError):
        await keys.find(kid)
    await renewed(keys)
    server.says = None
    clock.ahead += 11
    await renewed(keys)
    assert await keys.find(kid)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no JSON",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"keys": null}',
        b'{"keys": {}}',
        b'{"keys": [7]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a"}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "x": "AA", "y": "AA"}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "x": 1, "y": []}]}',
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
    ],
)
async def test_an_answer_that_holds_no_keys_takes_none_away(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey], document: bytes
) -> None:
    kid = server.make_key()
    assert await keys.find(kid)
    server.says = Response(document, media_type="application/json")
    clock.ahead = MINUTE + 1
    await renewed(keys)
    assert server.fetches == 2
    assert await keys.find(kid)
    assert await keys.find(uuid.uuid4().hex) is None


async def test_a_revoked_key_is_refused_after_the_refetch_also_for_tokens_that_were_checked(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    verifier = AccessTokenVerifier(keys, issuer=ISSUER, audience="catalog")
    kept, revoked = server.make_key(), server.make_key()
    tokens: dict[str, Any] = {kid: server.token(kid) for kid in (kept, revoked)}
    for kid in (kept, revoked):
        await verifier.verify(tokens[kid])
    del server.keys[revoked]
    clock.ahead = MINUTE - 5
    await verifier.verify(tokens[revoked])  # nobody has heard of it yet
    clock.ahead = MINUTE + 1
    await renewed(keys)
    assert server.fetches == 2
    with pytest.raises(InvalidTokenError):
        await verifier.verify(tokens[revoked])
    await verifier.verify(tokens[kept])


async def test_who_was_never_reached_is_tried_again_soon(
    clock: Clock, server: KeyServer, keys: RemoteJwks[ECKey]
) -> None:
    kid = server.make_key()
    server.says = Response(status_code=503)
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            await keys.find(kid)
    assert server.fetches == 1
    server.says = None
    clock.ahead = 1.0
    assert await keys.find(kid)
