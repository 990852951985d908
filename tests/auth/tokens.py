"""Access tokens made at will, with the real signing key."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from joserfc.jwk import ECKey
from sqlalchemy import select

from auth_service.jwt_secrets import JwtSecrets
from cathouse.schema import SigningKey
from tests.fixtures.house import JWT_SECRET, House

PATHS = {
    "auth": "/api/v1/users/me",
    "catalog": "/api/v1/cats?mine=true",
    "installation": "/api/v1/installations",
}
"""A call of each service that any signed-in person may make."""

Part = dict[str, Any] | str


@dataclass(frozen=True)
class Signer:
    """What auth-service signs with, and a real token of its making."""

    kid: str
    key: ECKey
    token: str

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": "ES256", "typ": "at+jwt", "kid": self.kid}

    @property
    def claims(self) -> dict[str, Any]:
        return claims_of(self.token)

    def sign(self, header: Part, claims: Part) -> str:
        return signed(header, claims, self.key)


async def signer_of(house: House) -> Signer:
    """The key, opened as auth-service opens it, and a developer's token."""
    person = await house.register("developer")
    with house.engine.connect() as connection:
        row = connection.execute(select(SigningKey.kid, SigningKey.wrapped_private)).one()
    secret = JwtSecrets.parse(JWT_SECRET).current
    key = ECKey.import_key(secret.unwrap(row.wrapped_private, bound_to=row.kid))
    return Signer(row.kid, key, person.tokens["access_token"])


def encode(part: Part | bytes) -> str:
    """One part of a compact token; text is taken as it is."""
    text = json.dumps(part) if isinstance(part, dict) else part
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return claims


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(decode(token.split(".", maxsplit=1)[0]))
    return header


def signed(header: Part, claims: Part, key: ECKey) -> str:
    """A token whose parts are taken as they are, signed for real."""
    head, body = encode(header), encode(claims)
    assert key.private_key is not None
    der = key.private_key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(der)
    return f"{head}.{body}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


async def status(house: House, token: str, service: str = "catalog") -> int:
    """What a service answers to a token; a refusal must say that it is the token."""
    sent = b"Bearer " + token.encode()
    answer = await house.http.get(house.urls[service] + PATHS[service], headers={b"Authorization": sent})
    if answer.status_code == 401:
        assert answer.json()["code"] == "invalid_token"
        assert "invalid_token" in answer.headers["www-authenticate"]
    return answer.status_code


async def refused_everywhere(house: House, tokens: dict[str, str]) -> None:
    """Both kinds of verifier (auth-service with its own keys, the others over HTTP) refuse every one of them."""
    taken = {
        (name, service): answer
        for name, token in tokens.items()
        for service in ("catalog", "auth")
        if (answer := await status(house, token, service)) != 401
    }
    assert taken == {}
