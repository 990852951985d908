"""Which tokens of Clerk's are believed: RS256, its keys, its issuer, our front ends, and nothing else (RFC 8725)."""

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import func, select
from structlog.testing import capture_logs

from auth_service.clerk.errors import ClerkClaimsMissingError, ClerkTokenInvalidError
from auth_service.clerk.tokens import ClerkTokens
from auth_service.settings import AuthSettings
from cathouse.database import DatabaseUrl
from cathouse.identity import RemoteJwks, read_rsa_keys
from cathouse.schema import User
from tests.fixtures.clerk import EXCHANGE, PARTY, Clerk, bearer, encode, rsa_key, sign_in
from tests.fixtures.house import House, settings_for

HOUR = 3600


def forgeries(clerk: Clerk) -> dict[str, str]:
    """What somebody may send who has no session at this Clerk, or one that is not for us."""
    now, claims = int(time.time()), clerk.claims()
    header = {"alg": "RS256", "kid": "ins_first", "typ": "JWT"}
    public_pem = rsa_key("ins_first").as_pem(private=False)
    elliptic = ECKey.generate_key("P-256", private=True)
    own = rsa_key("ins_of_somebody")
    trap = f"{clerk.issuer}/trap"
    hs256 = jws.serialize_compact(
        {**header, "alg": "HS256"},
        json.dumps(claims).encode(),
        OctKey.import_key(base64.urlsafe_b64encode(public_pem)),
        algorithms=["HS256"],
    )
    es256 = jws.serialize_compact({**header, "alg": "ES256"}, json.dumps(claims).encode(), elliptic)
    good = clerk.token()
    return {
        "alg none": f"{encode({**header, 'alg': 'none'})}.{encode(claims)}.",
        "HS256 with the public key": hs256,
        "ES256": es256,
        "PS256 by name": clerk.signed(claims, header={"alg": "PS256"}),
        "RS512 by name": clerk.signed(claims, header={"alg": "RS512"}),
        "another key": clerk.signed(claims, key=own, header={"kid": "ins_first"}),
        "unknown kid": clerk.signed(claims, key=own),
        "no kid": clerk.signed(claims, header=json.dumps({"alg": "RS256", "typ": "JWT"})),
        "kid is a number": clerk.signed(claims, header={"kid": 7}),
        "kid is a list": clerk.signed(claims, header={"kid": ["ins_first"]}),
        "jwk inside": clerk.signed(claims, key=own, header={"jwk": own.as_dict(private=False)}),
        "jku": clerk.signed(claims, key=own, header={"jku": f"{trap}/jwks.json"}),
        "x5u": clerk.signed(claims, key=own, header={"x5u": f"{trap}/cert"}),
        "jku beside a good signature": clerk.signed(claims, header={"jku": f"{trap}/jwks.json"}),
        "x5u beside a good signature": clerk.signed(claims, header={"x5u": f"{trap}/cert"}),
        "x5c": clerk.signed(claims, header={"x5c": ["aGVsbG8="]}),
        "crit": clerk.signed(claims, header={"crit": ["exp"]}),
        "b64": clerk.signed(claims, header={"b64": False}),
        "typ at+jwt": clerk.signed(claims, header={"typ": "at+jwt"}),
        "no typ": clerk.signed(claims, header=json.dumps({"alg": "RS256", "kid": "ins_first"})),
        "a token of a template": clerk.signed(claims, header={"cat": "cl_B7d4PD222AAA"}),
        "a token of a machine": clerk.signed(claims, header={"cat": "cl_B7d4PD333AAA"}),
        "an unhashable category": clerk.signed(claims, header={"cat": ["cl_B7d4PD111AAA"]}),
        "iss of another instance": clerk.token(iss="https://evil.example"),
        "iss with a slash": clerk.token(iss=f"{clerk.issuer}/"),
        "iss with a suffix": clerk.token(iss=f"{clerk.issuer}.evil.example"),
        "iss with a prefix": clerk.token(iss=f"https://evil.example/{clerk.issuer}"),
        "iss cut short": clerk.token(iss=clerk.issuer[:-1]),
        "iss in capitals": clerk.token(iss=clerk.issuer.upper()),
        "iss in a list": clerk.token(iss=[clerk.issuer]),
        "no iss": clerk.token(iss=None),
        "azp of another front end": clerk.token(azp="https://evil.example"),
        "azp with a slash": clerk.token(azp=f"{PARTY}/"),
        "azp with a suffix": clerk.token(azp=f"{PARTY}.evil.example"),
        "azp in a list": clerk.token(azp=[PARTY]),
        "azp in an object": clerk.token(azp={PARTY: True}),
        "azp empty": clerk.token(azp=""),
        "no azp": clerk.token(azp=None),
        "sts pending": clerk.token(sts="pending"),
        "sts is no text": clerk.token(sts=["active"]),
        "somebody acts as the person": clerk.token(act={"iss": "https://dashboard.clerk.com", "sub": "user_admin"}),
        "expired": clerk.token(iat=now - 120, exp=now - 60),
        "not yet": clerk.token(iat=now + 120, exp=now + 180),
        "nbf in the future": clerk.token(nbf=now + 120),
        "nbf is text": clerk.token(nbf=str(now)),
        "longer than an hour": clerk.token(iat=now, exp=now + HOUR + 1),
        "issued long ago": clerk.token(iat=now - HOUR, exp=now + 60),
        "ends before it begins": clerk.token(iat=now + 20, exp=now + 10),
        "exp is text": clerk.token(exp=str(now + 60)),
        "exp is a float": clerk.token(exp=now + 60.5),
        "exp is true": clerk.token(exp=True),
        "no exp": clerk.token(exp=None),
        "no iat": clerk.token(iat=None),
        "no sub": clerk.token(sub=None),
        "sub is a number": clerk.token(sub=7),
        "sub empty": clerk.token(sub=""),
        "sub very long": clerk.token(sub="u" * 256),
        "sub with NUL": clerk.token(sub="user_\x00"),
        "sub with half a character": clerk.token(sub="user_\ud800"),
        "name with NUL": clerk.token(name="Mia\x00"),
        "duplicate claim": clerk.signed(json.dumps(claims)[:-1] + f', "sub": "{claims["sub"]}"}}'),
        "duplicate header": clerk.signed(claims, header=json.dumps(header)[:-1] + ', "alg": "RS256"}'),
        "claims are a list": clerk.signed("[]"),
        "claims are no JSON": clerk.signed("{"),
        "nested too deep": clerk.signed("[" * 1200 + "]" * 1200),
        "two parts": good.rpartition(".")[0],
        "four parts": f"{good}.x",
        "another payload": ".".join([good.split(".")[0], encode(clerk.claims()), good.split(".")[2]]),
        "no signature": f"{good.rpartition('.')[0]}.",
        "not ASCII": "é.é.é",
        "nothing": "..",
        "long": "a" * 4096,
    }


async def test_every_forgery_is_refused_alike_and_nothing_is_fetched(clerk_house: House, clerk: Clerk) -> None:
    house = clerk_house
    await sign_in(house, clerk.token())
    asked, plain = clerk.asked, None
    for name, token in forgeries(clerk).items():
        answer = await house.call("auth", "POST", EXCHANGE, {"token": token}, expect=None)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (401, "clerk_token_invalid"), f"{name}: {answer.text}"
        assert "Bearer" in answer.headers["www-authenticate"]
        told.pop("request_id")
        plain = plain or told
        assert told == plain, name  # nobody learns which check it failed
    assert clerk.trapped == []
    assert clerk.asked - asked <= 1  # for all the unknown keys together
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(User)) == 1


async def test_what_clerk_really_sends_is_accepted(clerk_house: House, clerk: Clerk) -> None:
    now, house = int(time.time()), clerk_house
    organisation = {"id": "org_1", "rol": "admin", "slg": "cats", "fpm": "3", "per": "read,manage"}
    good = {
        "version 2": clerk.token(),
        "another of our front ends": clerk.token(azp="https://other.cathouse.test"),
        "version 1, which has no status": clerk.token(v=None, sts=None, fva=None),
        "an organisation, features, a plan": clerk.token(o=organisation, fea="o:cats", pla="u:pro"),
        "a clock that is some seconds ahead": clerk.token(iat=now + 10, nbf=now + 10, exp=now + 70),
        "an hour": clerk.token(exp=now + HOUR, iat=now),
        "no nbf": clerk.token(nbf=None),
        "no category": clerk.signed(
            clerk.claims(), header=json.dumps({"alg": "RS256", "kid": "ins_first", "typ": "JWT"})
        ),
        "an instance without categories": clerk.signed(clerk.claims(), header={"cat": "cl_I7d4PD111III"}),
        "a parameter of tomorrow": clerk.signed(clerk.claims(), header={"new": 1}),
    }
    for name, token in good.items():
        answer = await house.call("auth", "POST", EXCHANGE, {"token": token}, expect=None)
        assert answer.status_code == 200, f"{name}: {answer.text}"


async def test_a_token_that_is_too_large_is_refused_before_it_is_read(clerk_house: House) -> None:
    for size, status in ((4097, 422), (100_000, 422), (2_000_000, 413)):
        answer = await clerk_house.call("auth", "POST", EXCHANGE, {"token": "a" * size}, expect=status)
        assert "aaaa" not in answer.text
    bodies: list[Any] = [
        {},
        {"token": ""},
        {"token": None},
        {"token": 7},
        {"token": "\x00"},
        {"token": "x", "a": 1},
        [],
    ]
    for body in bodies:
        await clerk_house.call("auth", "POST", EXCHANGE, body, expect=422)


async def test_neither_kind_of_token_stands_in_for_the_other(clerk_house: House, clerk: Clerk) -> None:
    house, token = clerk_house, clerk.token()
    for service, path in (
        ("auth", "/api/v1/users/me"),
        ("catalog", "/api/v1/cats?mine=true"),
        ("installation", "/api/v1/installations"),
        ("proxy", "/api/v1/installations/00000000-0000-0000-0000-000000000000/interactions"),
    ):
        method = "POST" if service == "proxy" else "GET"
        answer = await house.call(
            service,
            method,
            path,
            {} if service == "proxy" else None,
            headers=bearer({"access_token": token}),
            expect=401,
        )
        assert answer.json()["code"] == "invalid_token"
    ours = await sign_in(house, token)
    for name in ("access_token", "refresh_token"):
        assert (await sign_in(house, ours[name], expect=401))["code"] == "clerk_token_invalid"


async def test_the_operator_learns_which_claim_a_token_of_the_right_clerk_failed_by(
    clerk_house: House, clerk: Clerk
) -> None:
    for claim, value in (("azp", "https://forgotten.example"), ("sts", "pending"), ("iss", f"{clerk.issuer}/")):
        with capture_logs() as logs:
            await sign_in(clerk_house, clerk.token(**{claim: value}, email="mia@example.com"), expect=401)
        refused = [each for each in logs if each["event"] == "clerk.token_refused"]
        assert [each["claim"] for each in refused] == [claim]
        assert "mia@example.com" not in str(logs)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**40), 10**40) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["\x00", "\ud800", "a@b.example", "true", "active", " "]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
CLAIMS = ("email", "email_verified", "name", "fva", "sts", "sub", "azp", "iss", "sid", "nbf", "iat", "exp", "act", "v")


@pytest.fixture
async def reader(clerk: Clerk) -> AsyncIterator[ClerkTokens]:
    keys = RemoteJwks(f"{clerk.issuer}/.well-known/jwks.json", read=read_rsa_keys)
    yield ClerkTokens(keys, issuer=clerk.issuer, parties=frozenset({PARTY}))
    await keys.close()


async def test_whatever_a_claim_is_a_token_is_read_or_refused(
    clerk: Clerk, reader: ClerkTokens, clerk_house: House
) -> None:
    """Through the reader for many, over HTTP for those that it lets pass: the database sees them then."""
    strange: list[Any] = [
        None, True, False, 0, 1, -1, 1.5, 10**40, float("nan"), float("inf"), "", " ", "\x00", "\ud800", "x" * 3000,
        "ünï", "true", [], [0], [0, 0], [10**40, 10**40], [None, None], {}, {"a": [1]}, [[[]]], "\u202e", "a\nb",
    ]  # fmt: skip
    for claim in CLAIMS:
        for value in strange:
            token = clerk.signed({**clerk.claims(), claim: value})
            try:
                await reader.read(token)
            except (ClerkTokenInvalidError, ClerkClaimsMissingError):
                continue
            answer = await clerk_house.call("auth", "POST", EXCHANGE, {"token": token}, expect=None)
            assert answer.status_code < 500, f"{claim}: {value!r}: {answer.text}"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(claims=st.dictionaries(st.sampled_from(CLAIMS), JSON, min_size=1, max_size=4))
async def test_whatever_the_claims_are_together(clerk: Clerk, reader: ClerkTokens, claims: dict[str, Any]) -> None:
    try:
        identity = await reader.read(clerk.signed({**clerk.claims(), **claims}))
    except (ClerkTokenInvalidError, ClerkClaimsMissingError):
        return
    assert identity.clerk_user_id
    assert "@" in identity.email
    assert identity.name is None or 0 < len(identity.name) <= 80
    verified = claims.get("email_verified", True)
    assert identity.email_verified == (verified is True or verified == "true")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"clerk_issuer": "https://clerk.example.com"}, "CLERK_AUTHORIZED_PARTIES"),
        ({"clerk_issuer": "https://clerk.example.com/", "clerk_authorized_parties": PARTY}, "slash"),
        ({"clerk_issuer": "clerk.example.com", "clerk_authorized_parties": PARTY}, "Frontend API URL"),
    ],
)
def test_half_a_configuration_does_not_start(clean_db: DatabaseUrl, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        AuthSettings(**settings_for("auth", clean_db, {}, **changes))


def test_keys_are_below_the_issuer_and_parties_are_separated_by_commas(clean_db: DatabaseUrl) -> None:
    changes = {
        "clerk_issuer": "https://clerk.example.com",
        "clerk_authorized_parties": f"{PARTY}/, https://b.example ,",
    }
    read = AuthSettings(**settings_for("auth", clean_db, {}, **changes))
    assert read.clerk_keys_url() == "https://clerk.example.com/.well-known/jwks.json"
    assert read.clerk_authorized_parties == [PARTY, "https://b.example"]
