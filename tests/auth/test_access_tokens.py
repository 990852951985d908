"""Access tokens are ES256, ours, for us, and nothing else is believed (RFC 8725)."""

import base64
import json
import time
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from joserfc import jws
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import select

from auth_service.secrets import JwtSecrets
from cathouse.schema import SigningKey
from tests.factories.cats import cat_creation
from tests.fixtures.house import JWT_SECRET, House


@pytest.fixture
async def signer(house: House) -> tuple[str, ECKey, dict[str, Any]]:
    """The real signing key, opened as auth-service opens it, and the claims of a real token."""
    person = await house.register("developer")
    with house.engine.connect() as connection:
        row = connection.execute(select(SigningKey.kid, SigningKey.wrapped_private)).one()
    secret = JwtSecrets.parse(JWT_SECRET).current
    key = ECKey.import_key(secret.unwrap(row.wrapped_private, bound_to=row.kid))
    payload = person.tokens["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return row.kid, key, claims


def encode(part: dict[str, Any] | str) -> str:
    text = part if isinstance(part, str) else json.dumps(part)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def signed(header: dict[str, Any] | str, claims: dict[str, Any] | str, key: ECKey) -> str:
    """A token whose parts are taken as they are, signed for real."""
    head, body = encode(header), encode(claims)
    assert key.private_key is not None
    der = key.private_key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(der)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{head}.{body}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


async def status(house: House, token: str, service: str = "catalog") -> int:
    path = {"catalog": "/api/v1/cats?mine=true", "auth": "/api/v1/users/me"}[service]
    answer = await house.call(service, "GET", path, headers={"Authorization": f"Bearer {token}"}, expect=None)
    if answer.status_code == 401:
        assert answer.json()["code"] == "invalid_token"
        assert "invalid_token" in answer.headers["www-authenticate"]
    return answer.status_code


async def test_the_claims_are_those_of_rfc_9068(house: House, signer: tuple[str, ECKey, dict[str, Any]]) -> None:
    kid, key, claims = signer
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti", "sid", "role", "auth_time", "amr"}
    assert claims["exp"] - claims["iat"] == 600
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    assert await status(house, signed(header, claims, key)) == 200


async def test_every_forgery_is_refused_by_both_kinds_of_verifier(
    house: House, signer: tuple[str, ECKey, dict[str, Any]]
) -> None:
    kid, key, claims = signer
    now = int(time.time())
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    own = ECKey.generate_key("P-256", private=True)
    public_pem = key.as_pem(private=False)
    hs256 = jws.serialize_compact(
        {"alg": "HS256", "typ": "at+jwt", "kid": kid},
        json.dumps(claims).encode(),
        OctKey.import_key(base64.urlsafe_b64encode(public_pem)),
        algorithms=["HS256"],
    )
    forgeries = {
        "alg none": f"{encode({**header, 'alg': 'none'})}.{encode(claims)}.",
        "HS256 with the public key": hs256,
        "another key": signed(header, claims, own),
        "jwk inside": signed({**header, "jwk": own.as_dict(private=False)}, claims, own),
        "jku": signed({**header, "jku": "https://evil.example/jwks.json"}, claims, key),
        "x5u": signed({**header, "x5u": "https://evil.example/cert"}, claims, key),
        "crit": signed({**header, "crit": ["exp"]}, claims, key),
        "no kid": signed({"alg": "ES256", "typ": "at+jwt"}, claims, key),
        "kid with a path": signed({**header, "kid": "../../etc/passwd"}, claims, key),
        "kid with SQL": signed({**header, "kid": "' OR 1=1 --"}, claims, key),
        "kid is a number": signed({**header, "kid": 7}, claims, key),
        "typ JWT": signed({**header, "typ": "JWT"}, claims, key),
        "wrong aud": signed(header, {**claims, "aud": ["somebody"]}, key),
        "wrong iss": signed(header, {**claims, "iss": "https://evil.example"}, key),
        "expired": signed(header, {**claims, "iat": now - 700, "exp": now - 100}, key),
        "not yet": signed(header, {**claims, "iat": now + 300, "exp": now + 600}, key),
        "nbf in the future": signed(header, {**claims, "nbf": now + 300}, key),
        "huge exp": signed(header, {**claims, "exp": now + 10**9}, key),
        "string exp": signed(header, {**claims, "exp": str(now + 600)}, key),
        "missing exp": signed(header, {name: value for name, value in claims.items() if name != "exp"}, key),
        "duplicate claim": signed(header, json.dumps(claims)[:-1] + ', "role": "admin"}', key),
        "duplicate header": signed(json.dumps(header)[:-1] + ', "alg": "ES256"}', claims, key),
        "unknown role": signed(header, {**claims, "role": "god"}, key),
        "sub is no id": signed(header, {**claims, "sub": "me"}, key),
        "two parts": f"{encode(header)}.{encode(claims)}",
        "nothing": "..",
        "very long": "a" * 9000,
    }
    for name, token in forgeries.items():
        for service in ("catalog", "auth"):
            assert await status(house, token, service) == 401, name


async def test_the_other_form_of_an_ecdsa_signature_gains_nothing(
    house: House, signer: tuple[str, ECKey, dict[str, Any]]
) -> None:
    kid, key, claims = signer
    token = signed({"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims, key)
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    s = order - int.from_bytes(raw[32:], "big")
    twin = base64.urlsafe_b64encode(raw[:32] + s.to_bytes(32, "big")).decode().rstrip("=")
    # It verifies, as design/security.md says: nothing is revoked or remembered by a token's text.
    assert await status(house, f"{head}.{body}.{twin}") == 200


async def test_roles_include_those_below(house: House) -> None:
    player, developer, admin = await house.register(), await house.register("developer"), await house.admin()
    cat = await house.draft(developer)
    path = f"/api/v1/cats/{cat['id']}/suspend"
    body = cat_creation()
    refused = await house.call("catalog", "POST", "/api/v1/cats", body, person=player, expect=403)
    assert refused.json()["role"] == "developer"
    for person in (player, developer):
        answer = await house.call("catalog", "POST", path, {"reason": "x"}, person=person, expect=403)
        assert (answer.json()["code"], answer.json()["role"]) == ("role_required", "admin")
    await house.call("catalog", "POST", path, {"reason": "x"}, person=admin)
    await house.draft(admin)


async def test_a_callback_or_service_token_is_no_access_token(house: House) -> None:
    for token in ("chi_" + "a.b.c", uuid.uuid4().hex):
        assert await status(house, token) == 401
