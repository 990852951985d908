"""Signatures on messages: which of a cat's secrets sign and are believed, before, during and after a rotation."""

import datetime as dt
import uuid
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from cathouse.identity import Keyring, KeyUse, SigningRootRetiredError, derive, parse_roots
from cathouse.identity.keys import cat_signing_secret
from proxy_service.messages.signatures import SigningState, _secrets, is_signed, signed_headers
from tests.fixtures.house import PLATFORM_SECRET

OLDER = "r0:an-older-platform-root-of-the-tests-and-of-nothing-else"
KEYS = derive(parse_roots(f"{PLATFORM_SECRET},{OLDER}"), KeyUse.CAT_SIGNING)
NEWER_ALONE = derive(parse_roots(PLATFORM_SECRET), KeyUse.CAT_SIGNING)
CAT = uuid.uuid4()
NOW = dt.datetime.now(dt.UTC)
BODY = "no JSON, and more than ASCII: ä".encode()


def state(**changes: Any) -> SigningState:
    values = {"root_id": "r1", "version": 2, "previous_root_id": None, "rotated_at": None, **changes}
    return SigningState(cat_id=CAT, **values)


def secret(version: int, root_id: str = "r1") -> str:
    return cat_signing_secret(KEYS, root_id=root_id, cat_id=CAT, version=version)


def verifies(with_secret: str, headers: Mapping[str, str]) -> bool:
    try:
        Webhook(with_secret).verify(BODY, dict(headers), json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def test_a_state_is_what_the_row_says() -> None:
    row = SimpleNamespace(
        cat_id=CAT,
        signing_root="r1",
        signing_secret_version=3,
        previous_signing_root="r0",
        signing_secret_rotated_at=NOW,
    )
    expected = SigningState(cat_id=CAT, root_id="r1", version=3, previous_root_id="r0", rotated_at=NOW)
    assert SigningState.of(cast("Any", row)) == expected


@pytest.mark.parametrize(
    ("changes", "keys", "expected"),
    [
        ({}, KEYS, [secret(2)]),
        ({"previous_root_id": "r0"}, KEYS, [secret(2)]),
        ({"rotated_at": NOW}, KEYS, [secret(2), secret(1)]),
        ({"rotated_at": NOW, "previous_root_id": "r0"}, KEYS, [secret(2), secret(1, "r0")]),
        ({"rotated_at": NOW, "version": 7}, KEYS, [secret(7), secret(6)]),
        # A root that is not configured any more signs nothing.
        ({"rotated_at": NOW, "previous_root_id": "r0"}, NEWER_ALONE, [secret(2)]),
        # For a day, and no longer.
        ({"rotated_at": NOW - dt.timedelta(hours=24, microseconds=-1)}, KEYS, [secret(2), secret(1)]),
        ({"rotated_at": NOW - dt.timedelta(hours=24)}, KEYS, [secret(2)]),
    ],
)
def test_the_secret_before_a_rotation_counts_beside_the_new_one_for_a_day(
    changes: dict[str, Any], keys: Keyring, expected: list[str]
) -> None:
    assert _secrets(keys, state(**changes), NOW) == expected


def test_nothing_is_signed_or_believed_under_a_root_that_is_gone() -> None:
    gone = state(root_id="r0", previous_root_id="r1", rotated_at=NOW)
    with pytest.raises(SigningRootRetiredError):
        signed_headers(NEWER_ALONE, gone, message_id="msg_1", body=BODY)
    with pytest.raises(SigningRootRetiredError):
        is_signed(NEWER_ALONE, gone, headers=signed_headers(KEYS, gone, message_id="msg_1", body=BODY), body=BODY)


def test_a_message_has_three_headers_and_is_signed_with_each_secret() -> None:
    headers = signed_headers(KEYS, state(rotated_at=NOW), message_id="msg_1", body=BODY)
    assert list(headers) == ["webhook-id", "webhook-timestamp", "webhook-signature"]
    assert headers["webhook-id"] == "msg_1"
    assert abs(int(headers["webhook-timestamp"]) - dt.datetime.now(dt.UTC).timestamp()) < 60
    both = headers["webhook-signature"].split(" ")
    assert len(both) == 2
    for version, signature in zip((2, 1), both, strict=True):
        assert verifies(secret(version), headers)
        assert verifies(secret(version), {**headers, "webhook-signature": signature})
    assert not verifies(secret(3), headers)
    assert not verifies(secret(2), {**headers, "webhook-id": "msg_2"})


def test_what_a_cat_signed_with_either_secret_is_believed_and_nothing_else() -> None:
    rotated = state(rotated_at=NOW)
    good = signed_headers(KEYS, rotated, message_id="msg_1", body=BODY)
    new, old = good["webhook-signature"].split(" ")
    for believed in (new, old, f"{new} {old}"):
        assert is_signed(KEYS, rotated, headers={**good, "webhook-signature": believed}, body=BODY)
    assert not is_signed(KEYS, state(), headers={**good, "webhook-signature": old}, body=BODY)
    for headers, body in (
        (good, BODY + b" "),
        ({**good, "webhook-id": "msg_2"}, BODY),
        ({**good, "webhook-timestamp": str(int(NOW.timestamp()) - 360)}, BODY),
        *(({**good, "webhook-signature": wrong}, BODY) for wrong in ("", "v1", "v1,A", "v1,\u00e9", "v2,AAAA")),
    ):
        assert not is_signed(KEYS, rotated, headers=headers, body=body)
