"""A refresh token by itself: what it says, and what is none."""

import base64
import uuid

import pytest

from auth_service.sessions.errors import RefreshTokenInvalidError
from auth_service.sessions.refresh_tokens import RefreshToken, make_refresh_token

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
        TOKEN[:-1],
        TOKEN[:-1] + "\u00fc",
        TOKEN.replace("_", "/", 2),
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(RefreshTokenInvalidError):
        RefreshToken.parse(text)
