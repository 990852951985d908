"""Clerk's keys: fetched from one address, picked up when they are new, kept while Clerk is away."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cathouse.database import DatabaseUrl
from cathouse.identity import jwks
from tests.fixtures.clerk import EXCHANGE, Clerk, rsa_key, sign_in
from tests.fixtures.house import House, run_house


@contextmanager
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(jwks, "UNKNOWN_KEY_PAUSE_S", 0.0)
        patch.setattr(jwks, "FIRST_FETCH_PAUSE_S", 0.0)
        yield


async def test_new_keys_at_clerk_are_picked_up_and_old_ones_serve_while_it_is_away(
    clerk_house: House, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = clerk_house
    clerk.is_down = True
    with without_pauses(monkeypatch):
        refused = await house.call("auth", "POST", EXCHANGE, {"token": clerk.token()}, expect=503)
        assert refused.json()["code"] == "keys_unavailable"
        assert int(refused.headers["retry-after"]) > 0
        clerk.is_down = False
        await sign_in(house, clerk.token())
        retired = clerk.token()
        clerk.keys = [rsa_key("ins_second")]
        clerk.document = {"errors": [{"message": "an answer with status 200 that is no JWKS"}]}
        assert (await sign_in(house, clerk.token(), expect=401))["code"] == "clerk_token_invalid"
        await sign_in(house, retired)  # it did not wipe the keys that are known
        clerk.document = None
        await sign_in(house, clerk.token())
        assert (await sign_in(house, retired, expect=401))["code"] == "clerk_token_invalid"
        clerk.is_down = True
        await sign_in(house, clerk.token())
        assert (await sign_in(house, clerk.signed(clerk.claims(), key=rsa_key("ins_third")), expect=401))["code"]
        clerk.document, clerk.is_down = {"keys": [{"kty": "RSA", "kid": "ins_broken"}]}, False
        broken = clerk.signed(clerk.claims(), header={"kid": "ins_broken"})
        assert (await sign_in(house, broken, expect=401))["code"] == "clerk_token_invalid"
        await sign_in(house, clerk.token())


async def test_a_flood_of_unknown_keys_asks_clerk_once(clerk_house: House, clerk: Clerk) -> None:
    await sign_in(clerk_house, clerk.token())
    before = clerk.asked
    tokens = [clerk.signed(clerk.claims(), header={"kid": f"ins_{number}"}) for number in range(20)]
    for told in await asyncio.gather(*(sign_in(clerk_house, token, expect=401) for token in tokens)):
        assert told["code"] == "clerk_token_invalid"
    assert clerk.asked - before <= 1


async def test_without_a_clerk_the_answer_says_so(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db) as house:
        told = await sign_in(house, "whatever", expect=503)
    assert told["code"] == "clerk_not_configured"
    assert "CLERK_ISSUER" in told["detail"]
