"""Only what Cat House signed with the cat's secret, not long ago, is a message."""

import datetime as dt
import json
from collections.abc import Callable

import pytest

from cathouse.cat import InstallationMessage, InvalidMessageError, InvalidSignatureError, read_message
from cathouse.cat.signatures import SigningSecrets
from tests.cat.envelopes import OLD_SECRET, OTHER_SECRET, SECRET, Request, document, sign, signed

MINUTE = dt.timedelta(minutes=1)


def without(name: str) -> Request:
    headers, body = signed("ping")
    return {key: value for key, value in headers.items() if key != name}, body


def with_header(name: str, value: str) -> Request:
    headers, body = signed("ping")
    return {**headers, name: value}, body


def changed_body() -> Request:
    headers, body = signed("interaction", input="a")
    return headers, body.replace(b'"input": "a"', b'"input": "b"')


REFUSED: dict[str, Callable[[], Request]] = {
    "another secret": lambda: signed("ping", secrets=[OTHER_SECRET]),
    "another body": changed_body,
    "a body that is no text": lambda: (signed("ping")[0], b"\xff"),
    "too old": lambda: signed("ping", age=5.2 * MINUTE),
    "too new": lambda: signed("ping", age=-5.2 * MINUTE),
    "no id": lambda: without("webhook-id"),
    "no timestamp": lambda: without("webhook-timestamp"),
    "no signature": lambda: without("webhook-signature"),
    "another id": lambda: with_header("webhook-id", "msg_1"),
    "another timestamp": lambda: with_header("webhook-timestamp", str(int(dt.datetime.now(dt.UTC).timestamp()) - 1)),
    "a timestamp that is none": lambda: with_header("webhook-timestamp", "nan"),
    "a signature without a comma": lambda: with_header("webhook-signature", "v1"),
    "a signature that is not base64": lambda: with_header("webhook-signature", "v1,ü"),
    "a signature of another version": lambda: with_header("webhook-signature", "v2,AAAA"),
    "nothing at all": lambda: ({}, b""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_cat_houses_is_refused(name: str) -> None:
    headers, body = REFUSED[name]()
    with pytest.raises(InvalidSignatureError) as refused:
        read_message([SECRET, OLD_SECRET], headers, body)
    for secret in (SECRET, OLD_SECRET):
        assert secret.removeprefix("whsec_") not in repr(refused.value)


@pytest.mark.parametrize("age", [-4.8 * MINUTE, 0 * MINUTE, 4.8 * MINUTE])
def test_clocks_may_differ_by_five_minutes(age: dt.timedelta) -> None:
    assert read_message(SECRET, *signed("ping", age=age)).type == "ping"


@pytest.mark.parametrize("known", [[SECRET], [OLD_SECRET], [SECRET, OLD_SECRET]])
def test_while_both_secrets_sign_either_is_enough(known: list[str]) -> None:
    headers, body = signed("ping", secrets=[SECRET, OLD_SECRET])
    assert read_message(known, headers, body).type == "ping"


def test_a_cat_that_has_the_new_secret_already_takes_what_the_old_one_signed() -> None:
    headers, body = signed("ping", secrets=[OLD_SECRET])
    assert read_message([SECRET, OLD_SECRET], headers, body).type == "ping"


def test_what_a_cat_signs_is_signed_by_the_newest_secret() -> None:
    body = b'{"installation_id":"1"}'
    headers = SigningSecrets([SECRET, OLD_SECRET]).sign(body)
    SigningSecrets(SECRET).verify(headers, body)
    with pytest.raises(InvalidSignatureError):
        SigningSecrets(OLD_SECRET).verify(headers, body)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_dGVzdA==", "whsec_***", SECRET.removeprefix("whsec_")])
def test_what_is_no_secret_is_said_at_once_and_not_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="signing secret") as refused:
        SigningSecrets(secret)
    key = secret.removeprefix("whsec_")
    assert not key or key not in str(refused.value)


def test_a_cat_has_a_secret() -> None:
    with pytest.raises(ValueError, match="at least one"):
        SigningSecrets([])


def test_a_secret_may_be_read_from_a_file_with_a_line_break() -> None:
    assert read_message(f"{SECRET}\n", *signed("ping")).type == "ping"


def test_headers_may_be_in_any_case() -> None:
    headers, body = signed("ping")
    assert read_message(SECRET, {name.title(): value for name, value in headers.items()}, body).type == "ping"


def test_a_message_says_all_that_the_envelope_says() -> None:
    callback = {
        "installation_url": "https://house.example/i",
        "proxy_url": "https://house.example/p",
        "token": "chi_hidden",
        "expires_at": "2026-11-25T16:05:00Z",
    }
    sent = document("interaction", input={"say": ["Grüße", None]}, callback=callback, later="unknown")
    sent["player"]["mood"] = "good"
    message = read_message(SECRET, *sign(sent["id"], json.dumps(sent).encode()))
    assert isinstance(message, InstallationMessage)
    assert (message.type, message.id, message.input) == ("interaction", sent["id"], {"say": ["Grüße", None]})
    assert message.created_at == dt.datetime(2026, 11, 25, 16, tzinfo=dt.UTC)
    assert (str(message.cat.id), message.cat.version) == (sent["cat"]["id"], "1.2.3")
    assert (message.installation.instance_name, message.installation.config) == ("Misty", {"bowls": 2})
    assert message.player is not None
    assert (str(message.player.id), message.player.timezone) == (sent["player"]["id"], "Europe/Berlin")
    assert message.permissions == ("storage",)
    assert message.callback is not None
    assert message.callback.token.get_secret_value() == "chi_hidden"
    for shown in (repr(message), str(message), message.model_dump_json(), repr(message.callback)):
        assert "chi_hidden" not in shown


def test_a_type_that_is_not_known_yet_is_a_message() -> None:
    assert read_message(SECRET, *signed("installation.groomed")).type == "installation.groomed"


def test_a_challenge_is_about_no_installation() -> None:
    message = read_message(SECRET, *signed("challenge", challenge="abc"))
    assert not isinstance(message, InstallationMessage)
    assert (message.challenge, message.permissions, message.callback) == ("abc", (), None)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"type": "ping", "id": {"secret words": 1}}'])
def test_what_is_signed_and_no_message_is_told_without_its_content(body: bytes) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        read_message(SECRET, *sign("msg_1", body))
    assert "secret words" not in str(refused.value)
