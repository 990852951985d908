"""Our tokens are what the standards say: npm's jose, which knows nothing of us, takes them and refuses the others."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cathouse.local.processes import plain_environment
from tests.auth.tokens import Signer, decode, encode
from tests.fixtures.house import House
from tests.fixtures.tools import missing

FOLDER_VARIABLE = "CATHOUSE_JOSE_FOLDER"
ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("verify_with_jose.mjs")


@pytest.fixture(scope="session")
def jose() -> tuple[str, Path]:
    """Node, and the folder that jose is installed in; skipped where one of them is missing (make test-tools)."""
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named) if named else ROOT / ".cathouse-tools" / "jose"
    node = shutil.which("node")
    if node is None or not (folder / "node_modules/jose/package.json").is_file():
        missing(f"npm's jose is not in {folder}, or node is missing (make test-tools)")
    return node, folder.resolve()


async def verify(
    jose: tuple[str, Path], house: House, audience: str, issuer: str, tokens: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """What jose says to each token, by name."""
    node, folder = jose
    question = {
        "jwks": f"{house.urls['auth']}/.well-known/jwks.json",
        "issuer": issuer,
        "audience": audience,
        "tokens": tokens,
    }
    process = await asyncio.create_subprocess_exec(
        node,
        str(SCRIPT),
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=plain_environment(),
    )
    out, err = await asyncio.wait_for(process.communicate(json.dumps(question).encode()), 60)
    assert process.returncode == 0, err.decode()
    answers: dict[str, dict[str, str]] = json.loads(out)
    return answers


async def test_jose_takes_our_tokens_and_refuses_every_other(
    house: House, jose: tuple[str, Path], signer: Signer
) -> None:
    header, claims = signer.header, signer.claims
    player = await house.register()
    sent = {"refresh_token": player.tokens["refresh_token"]}
    refreshed = (await house.call("auth", "POST", "/api/v1/auth/refresh", sent)).json()
    head, body, signature = signer.token.split(".")
    raw = decode(signature)
    now = int(time.time())

    def with_claims(**changes: Any) -> str:
        return signer.sign(header, {**claims, **changes})

    good = {"logged in": signer.token, "refreshed": refreshed["access_token"], "made here": with_claims()}
    bad = {
        "another role": f"{head}.{encode({**claims, 'role': 'admin'})}.{signature}",
        "a bit of the signature": f"{head}.{body}.{encode(bytes([raw[0] ^ 1]) + raw[1:])}",
        "for another audience": with_claims(aud=["somebody"]),
        "of another issuer": with_claims(iss="https://evil.example"),
        "expired": with_claims(iat=now - 700, exp=now - 100),
        "of another type": signer.sign({**header, "typ": "JWT"}, claims),
        "of another key": signer.sign({**header, "kid": "unknown"}, claims),
        "without a signature": f"{encode({**header, 'alg': 'none'})}.{encode(claims)}.",
    }
    for audience in ("auth", "catalog", "installation", "proxy"):
        answers = await verify(jose, house, audience, claims["iss"], {**good, **bad})
        assert {name: answers[name].get("subject") for name in good} == {
            "logged in": claims["sub"],
            "refreshed": str(player.id),
            "made here": claims["sub"],
        }
        assert {answers[name]["kid"] for name in good} == {signer.kid}
        assert {name: answers[name].get("refused") for name in bad} == {
            "another role": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
            "a bit of the signature": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
            "for another audience": "ERR_JWT_CLAIM_VALIDATION_FAILED",
            "of another issuer": "ERR_JWT_CLAIM_VALIDATION_FAILED",
            "expired": "ERR_JWT_EXPIRED",
            "of another type": "ERR_JWT_CLAIM_VALIDATION_FAILED",
            "of another key": "ERR_JWKS_NO_MATCHING_KEY",
            "without a signature": "ERR_JOSE_ALG_NOT_ALLOWED",
        }
    strangers = await verify(jose, house, "somebody-else", claims["iss"], good)
    assert {answer.get("refused") for answer in strangers.values()} == {"ERR_JWT_CLAIM_VALIDATION_FAILED"}
