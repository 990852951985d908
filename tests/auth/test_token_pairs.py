"""The pair of tokens that a log-in gives: what each says, and what is no refresh token."""

import base64
import datetime as dt
import time
import uuid
from dataclasses import replace
from typing import cast

import pytest
from joserfc.jwk import ECKey

from auth_service.jwt_secrets import JwtSecrets
from auth_service.sessions.errors import RefreshTokenInvalidError
from auth_service.sessions.refresh_tokens import RefreshToken, make_refresh_token
from auth_service.sessions.tokens import Granted, TokenIssuer
from auth_service.signing_keys.service import SigningKeys
from cathouse.identity.compact import read_claims, read_header

SESSION, KEY = uuid.UUID(int=1), b"k" * 32
TOKEN = "chr_AAAAAAAAAAAAAAAAAAAAAQAAAAcf-RgTvygQuOBo-taEufJVK0TBVceN_OWIKijOKYR0hQ"


def test_a_token_says_whose_it_is_and_which_one_and_proves_it() -> None:
    read = RefreshToken.parse(TOKEN)
    assert (read.session_id, read.counter) == (SESSION, 7)
    assert read.is_genuine(KEY)
    assert not read.is_genuine(b"l" * 32)


def test_a_token_is_the_same_one_each_time_and_in_every_release() -> None:
    # Nothing of it is stored: were it made otherwise, everybody would be logged out.
    assert make_refresh_token(SESSION, 7, KEY) == TOKEN


@pytest.mark.parametrize(("session_id", "counter"), [(uuid.UUID(int=2), 7), (SESSION, 8)])
def test_a_proof_is_for_one_token_of_one_session(session_id: uuid.UUID, counter: int) -> None:
    assert not RefreshToken(session_id, counter, RefreshToken.parse(TOKEN).proof).is_genuine(KEY)


def spelled(raw: bytes) -> str:
    return "chr_" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


RAW = base64.urlsafe_b64decode(TOKEN.removeprefix("chr_") + "==")


@pytest.mark.parametrize(
    "text",
    [
        TOKEN.removeprefix("chr_"),
        "chi_" + TOKEN.removeprefix("chr_"),
        "chr_" + TOKEN,
        spelled(RAW[:-1]),
        spelled(RAW + b"x"),
        "chr_",
        "",
        TOKEN + "!",
        TOKEN + "!!!!",
        TOKEN[:-1],
        TOKEN[:-1] + "\u00fc",
        TOKEN.replace("_", "/", 2),
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(RefreshTokenInvalidError):
        RefreshToken.parse(text)


class _Ring:
    """The signing key, without the table that it is kept in."""

    key = ECKey.generate_key("P-256", private=True)

    async def signing_key(self) -> tuple[str, ECKey]:
        return "k", self.key


SECRETS = JwtSecrets.parse("a-jwt-key-of-the-tests-and-of-nothing-else")


@pytest.fixture
def issuer() -> TokenIssuer:
    return TokenIssuer(cast("SigningKeys", _Ring()), SECRETS, issuer="https://auth.example")


def granted(*, idle_s: float = 3600) -> Granted:
    now = dt.datetime.now(dt.UTC)
    return Granted(
        session_id=SESSION,
        user_id=uuid.UUID(int=2),
        role="developer",
        authenticated_at=now - dt.timedelta(hours=1, milliseconds=500),
        amr=["pwd", "otp"],
        key_id=SECRETS.current.key_id,
        counter=7,
        idle_expires_at=now + dt.timedelta(seconds=idle_s),
    )


async def test_a_session_is_given_a_pair(issuer: TokenIssuer) -> None:
    asked, before = granted(), int(time.time())
    pair = await issuer.issue(asked)
    assert pair.expires_in == 600
    assert 3540 < pair.refresh_expires_in <= 3600
    refresh = RefreshToken.parse(pair.refresh_token)
    assert (refresh.session_id, refresh.counter) == (SESSION, 7)
    assert refresh.is_genuine(SECRETS.current.refresh_key)
    assert read_header(pair.access_token) == {"alg": "ES256", "typ": "at+jwt", "kid": "k"}
    claims = read_claims(pair.access_token, _Ring.key, algorithm="ES256", typ="at+jwt", longest_life_s=600)
    assert before <= claims["iat"] <= time.time()
    assert claims == {
        "iss": "https://auth.example",
        "sub": str(uuid.UUID(int=2)),
        "aud": ["auth", "catalog", "installation", "proxy"],
        "iat": claims["iat"],
        "exp": claims["iat"] + 600,
        "jti": claims["jti"],
        "sid": str(SESSION),
        "role": "developer",
        "auth_time": int(asked.authenticated_at.timestamp()),
        "amr": ["pwd", "otp"],
    }
    again = await issuer.issue(asked)
    assert again.refresh_token == pair.refresh_token
    repeated = read_claims(again.access_token, _Ring.key, algorithm="ES256", typ="at+jwt", longest_life_s=600)
    assert repeated["jti"] != claims["jti"]


async def test_an_access_token_may_be_shorter_and_say_more(issuer: TokenIssuer) -> None:
    token = await issuer.access_token(
        user_id=SESSION,
        role="player",
        authenticated_at=dt.datetime.now(dt.UTC),
        amr=("api_key",),
        life_s=60,
        scope="a b",
    )
    claims = read_claims(token, _Ring.key, algorithm="ES256", typ="at+jwt", longest_life_s=60)
    assert (claims["scope"], claims["amr"], "sid" in claims) == ("a b", ["api_key"], False)


async def test_a_session_at_its_end_or_under_a_retired_secret_gets_nothing_more(issuer: TokenIssuer) -> None:
    assert (await issuer.issue(granted(idle_s=-60))).refresh_expires_in == 0
    with pytest.raises(RefreshTokenInvalidError):
        await issuer.issue(replace(granted(), key_id="retired"))
