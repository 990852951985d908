"""Whatever is not exactly an access token of ours, for us and for now, is refused (RFC 8725)."""

import asyncio
import hmac
import json
import time
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cathouse.identity import AccessTokenVerifier, InvalidTokenError, RemoteJwks, read_ec_keys
from cathouse.identity.compact import LONGEST_TOKEN
from tests.auth.tokens import Signer, decode, encode, refused_everywhere, signed, status
from tests.fixtures.house import House
from tests.fixtures.serving import serve


def changed(part: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**part, **changes}


def without(part: dict[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in part.items() if each != name}


def with_twice(part: dict[str, Any], name: str, value: Any) -> str:
    """The object with a member that is there already, put behind it."""
    return f'{json.dumps(part)[:-1]}, "{name}": {json.dumps(value)}}}'


def keyed_hash(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    text = f"{encode(header)}.{encode(claims)}"
    return f"{text}.{encode(hmac.digest(secret, text.encode(), 'sha256'))}"


async def test_only_our_algorithm_is_believed(house: House, signer: Signer) -> None:
    header, claims, key = signer.header, signer.claims, signer.key
    head, body, signature = signer.token.split(".")
    (published,) = (await house.call("auth", "GET", "/.well-known/jwks.json")).json()["keys"]
    hs256 = changed(header, alg="HS256")
    public_forms = {
        "PEM": key.as_pem(private=False),
        "PEM without its last line end": key.as_pem(private=False).strip(),
        "DER": key.as_der(private=False),
        "JWK": json.dumps(published).encode(),
        "JWK, compact": json.dumps(published, separators=(",", ":")).encode(),
        "x": decode(published["x"]),
    }
    await refused_everywhere(
        house,
        {
            **{
                f"alg {name}, signature {tail!r}": f"{encode(changed(header, alg=name))}.{body}.{tail}"
                for name in ("none", "None", "NONE", "nOnE", None, "")
                for tail in ("", signature)
            },
            **{
                f"HS256 with the public key as {form}": keyed_hash(hs256, claims, s) for form, s in public_forms.items()
            },
            **{
                f"alg {name}": signer.sign(changed(header, alg=name), claims)
                for name in ("es256", "ES384", "ES256K", "RS256", "PS256", "EdDSA", "HS256", ["ES256"], 7)
            },
            "no alg": signer.sign(without(header, "alg"), claims),
            "another key": signed(header, claims, ECKey.generate_key("P-256", private=True)),
            "no signature": f"{head}.{body}.",
            "a signature of zeros": f"{head}.{body}.{encode(bytes(64))}",
            "half a signature": f"{head}.{body}.{encode(decode(signature)[:32])}",
            "a signature and more": f"{head}.{body}.{encode(decode(signature) + bytes(1))}",
        },
    )


async def test_the_header_names_one_of_our_keys_by_its_id_and_nothing_else(house: House, signer: Signer) -> None:
    header, claims = signer.header, signer.claims
    own = ECKey.generate_key("P-256", private=True)
    odd_ids = {
        "a path": "../../etc/passwd",
        "SQL": "' OR 1=1 --",
        "an address": "https://evil.example/keys",
        "empty": "",
        "very long": "k" * 2500,
        "with NUL": f"{signer.kid}\x00",
        "with a line end": f"{signer.kid}\n",
        "a lone surrogate": "\ud800",
        "a number": 7,
        "null": None,
        "a list": [signer.kid],
        "an object": {"kid": signer.kid},
    }
    await refused_everywhere(
        house,
        {
            **{f"kid: {name}": signer.sign(changed(header, kid=kid), claims) for name, kid in odd_ids.items()},
            "no kid": signer.sign(without(header, "kid"), claims),
            "jwk": signed(changed(header, jwk=own.as_dict(private=False)), claims, own),
            "jwk beside our kid": signer.sign(changed(header, jwk=signer.key.as_dict(private=False)), claims),
            "x5c": signer.sign(changed(header, x5c=["MIIB"]), claims),
            "crit": signer.sign(changed(header, crit=["exp"]), claims),
            "crit, empty": signer.sign(changed(header, crit=[]), claims),
            "crit with b64": signer.sign(changed(header, crit=["b64"], b64=False), claims),
            **{
                f"typ {typ!r}": signer.sign(changed(header, typ=typ), claims)
                for typ in ("JWT", "callback+jwt", "service+jwt", "at+jwt ", "", None, ["at+jwt"])
            },
            "no typ": signer.sign(without(header, "typ"), claims),
            "kid twice": signer.sign(with_twice(header, "kid", signer.kid), claims),
            "alg twice": signer.sign(with_twice(header, "alg", "ES256"), claims),
            "twice, deeper": signer.sign(json.dumps(header)[:-1] + ', "more": {"a": 1, "a": 1}}', claims),
            "a list": signer.sign("[]", claims),
            "no JSON": signer.sign("{", claims),
            "nested without end": signer.sign('{"a":' + "[" * 1500, claims),
        },
    )


async def test_the_claims_must_be_ours_for_this_service_and_for_now(house: House, signer: Signer) -> None:
    header, claims = signer.header, signer.claims
    now = int(time.time())
    assert await status(house, signer.sign(header, changed(claims, iat=now, exp=now + 3600, nbf=now - 60))) == 200
    times: dict[str, dict[str, Any]] = {
        "expired": {"iat": now - 700, "exp": now - 100},
        "issued in the future": {"iat": now + 300, "exp": now + 600},
        "lives longer than an hour": {"iat": now, "exp": now + 3601},
        "lives longer than an hour, issued long ago": {"iat": now - 3600, "exp": now + 60},
        "ends as it begins": {"iat": now, "exp": now},
        "ends before it begins": {"iat": now, "exp": now - 10},
        "not before a later time": {"nbf": now + 300},
        "nbf as text": {"nbf": str(now - 60)},
        "nbf true": {"nbf": True},
        "exp negative": {"exp": -1},
    }
    no_times: dict[str, Any] = {
        "huge": 10**20,
        "past all numbers": 10**400,
        "text": str(now + 600),
        "broken": now + 0.5,
        "true": True,
        "null": None,
        "a list": [now],
    }
    foreign = {
        "aud": ("somebody", ["somebody"], [], None, "auth catalog", "catalo", {"catalog": 1}, ["CATALOG", "AUTH"], 7),
        "iss": ("https://evil.example", claims["iss"] + "/", claims["iss"].upper(), [claims["iss"]], None, ""),
        "role": ("god", "ADMIN", None, ["admin"], 7),
        "sub": ("me", "", None, 7, [claims["sub"]]),
        "auth_time": ("yesterday", None, 10**20),
    }
    await refused_everywhere(
        house,
        {
            **{name: signer.sign(header, changed(claims, **each)) for name, each in times.items()},
            **{f"exp {name}": signer.sign(header, changed(claims, exp=value)) for name, value in no_times.items()},
            **{f"iat {name}": signer.sign(header, changed(claims, iat=value)) for name, value in no_times.items()},
            **{
                f"no {name}": signer.sign(header, without(claims, name))
                for name in ("exp", "iat", "aud", "iss", "sub", "role", "auth_time")
            },
            **{
                f"{name} {value!r}": signer.sign(header, changed(claims, **{name: value}))
                for name, values in foreign.items()
                for value in values
            },
            **{
                f"{name} twice": signer.sign(header, with_twice(claims, name, value))
                for name, value in {**claims, "role": "admin"}.items()
            },
            "exp infinite": signer.sign(header, json.dumps(without(claims, "exp"))[:-1] + ', "exp": 1e999}'),
            "exp no number": signer.sign(header, json.dumps(without(claims, "exp"))[:-1] + ', "exp": NaN}'),
            "a list": signer.sign(header, json.dumps([claims])),
            "no JSON": signer.sign(header, "claims"),
        },
    )


async def test_a_good_token_spelled_otherwise_is_no_good_token(house: House, signer: Signer) -> None:
    token = signer.token
    head, body, signature = token.split(".")
    last = {"A": "B", "Q": "R", "g": "h", "w": "x"}[signature[-1]]  # the four bits that mean nothing
    sent = {
        "padded": f"{token}==",
        "padded by one": f"{token}=",
        "padded header": f"{head}=.{body}.{signature}",
        "padded claims": f"{head}.{body}=.{signature}",
        "other spare bits": token[:-1] + last,
        "the other alphabet": f"{head}.{body}.{signature[:-2]}+/",
        "a space inside": f"{head}. {body}.{signature}",
        "a tab inside": f"{head}.{body}\t.{signature}",
        "a point behind": f"{token}.",
        "a point before": f".{token}",
        "a fourth part": f"{token}.{signature}",
        "five parts": f"{token}.a.b",
        "two parts": f"{head}.{body}",
        "one part": head,
        "points only": "..",
        "a quotation": f'"{token}"',
        "full-width letters": token[:-1] + chr(ord(token[-1]) + 0xFEE0),
        "a combining accent behind": f"{token}\u0301",
        "a no-break space behind": f"{token}\u00a0",
        "a zero-width space before": f"\u200b{token}",
        "the word Bearer twice": f"Bearer {token}",
        "two tokens": f"{token},{token}",
    }
    await refused_everywhere(house, sent)
    assert await status(house, token) == 200
    remote = RemoteJwks(f"{house.urls['auth']}/.well-known/jwks.json", read=read_ec_keys)
    verifier = AccessTokenVerifier(remote, issuer=signer.claims["iss"], audience="catalog")
    await verifier.verify(token)
    unsendable = (f"{token}\n", f"\n{token}", f"{token}\r\n", f"{token} ", f"\x00{token}", f"{token}\ud800", "")
    for spelled in (*unsendable, *sent.values()):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(spelled)
    await remote.close()


async def test_a_token_longer_than_ours_can_be_is_not_looked_at(house: House, signer: Signer) -> None:
    def with_length_near(length: int) -> str:
        spare = length - len(signer.sign(signer.header, changed(signer.claims, more="")))
        return signer.sign(signer.header, changed(signer.claims, more="x" * (spare * 3 // 4)))

    within, beyond = with_length_near(LONGEST_TOKEN), with_length_near(LONGEST_TOKEN + 2)
    assert LONGEST_TOKEN - 2 <= len(within) <= LONGEST_TOKEN < len(beyond) <= LONGEST_TOKEN + 4
    assert await status(house, within) == 200
    await refused_everywhere(house, {"beyond": beyond, "far beyond": "a" * 9000, "and with points": "a." * 9000})


async def test_no_address_in_a_token_is_ever_fetched(house: House, signer: Signer) -> None:
    own = ECKey.generate_key("P-256", private=True)
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse({"keys": [{**own.as_dict(private=False), "kid": own.thumbprint(), "alg": "ES256"}]})

    async with serve(Starlette(routes=[Route("/{path:path}", answer)])) as evil:
        header = changed(signer.header, kid=own.thumbprint())
        tokens = {
            name: signed(changed(header, **{name: f"{evil}/{name}"}), signer.claims, key)
            for name, key in (("jku", own), ("x5u", own), ("kid", own))
        }
        tokens |= {
            f"{name}, signed by us": signer.sign(changed(signer.header, **{name: f"{evil}/{name}"}), signer.claims)
            for name in ("jku", "x5u")
        }
        tokens["iss"] = signed(header, changed(signer.claims, iss=evil), own)
        await refused_everywhere(house, tokens)
        assert asked == []
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.get(f"{evil}/there")
        assert asked == ["/there"]


async def test_a_flood_of_unknown_keys_costs_one_fetch_in_ten_seconds(house: House, signer: Signer) -> None:
    assert await status(house, signer.token) == 200
    before, begun = await fetches(house), time.monotonic()
    _, rest = signer.token.split(".", 1)
    flood = [f"{encode(changed(signer.header, kid=f'unknown-{number}'))}.{rest}" for number in range(60)]
    statuses = await asyncio.gather(*(status(house, forged) for forged in flood))
    assert set(statuses) == {401}
    assert await fetches(house) - before <= 1 + (time.monotonic() - begun) // 10
    assert await status(house, signer.token) == 200


async def fetches(house: House) -> float:
    """How often auth-service was asked for its keys."""
    lines = (await house.call("auth", "GET", "/metrics")).text.splitlines()
    counts = [line for line in lines if line.startswith("cathouse_http_requests_total{") and "jwks.json" in line]
    return sum(float(line.split()[-1]) for line in counts)
