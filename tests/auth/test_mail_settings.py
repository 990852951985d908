"""MAIL_URL, MAIL_FROM and PUBLIC_URL: what is accepted, and one line without a secret for what is not."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from auth_service.mails.addresses import in_ascii, parse_sender
from auth_service.mails.server import SmtpServer
from auth_service.settings import AuthSettings
from cathouse.identity import USED_BY, derive, parse_roots
from tests.fixtures.starting import ROOT, WORKING, run

CANARY = "hush"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 587, "starttls")),
        ("smtps://mail.example.com", SmtpServer("mail.example.com", 465, "implicit")),
        ("SMTP://Mail.Example.Com:25/", SmtpServer("mail.example.com", 25, "starttls")),
        ("smtp://mail.example.com?tls=none", SmtpServer("mail.example.com", 587, "none")),
        ("smtp://localhost:1025", SmtpServer("localhost", 1025, "none")),
        ("smtp://127.0.0.1:1025", SmtpServer("127.0.0.1", 1025, "none")),
        ("smtp://[::1]:1025", SmtpServer("::1", 1025, "none")),
        ("smtp://localhost?tls=starttls", SmtpServer("localhost", 587, "starttls")),
        ("smtp://localhost.example.com", SmtpServer("localhost.example.com", 587, "starttls")),
        ("smtps://localhost", SmtpServer("localhost", 465, "implicit")),
        (
            "smtp://me%40house.example:p%2Fw%3A%3F@mail.example.com",
            SmtpServer("mail.example.com", 587, "starttls", "me@house.example", "p/w:?"),
        ),
        ("smtp://me:p@ss@mail.example.com", SmtpServer("mail.example.com", 587, "starttls", "me", "p@ss")),
    ],
)
def test_a_server_is_read(url: str, expected: SmtpServer) -> None:
    assert SmtpServer.parse(url) == expected


printable = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1)


@settings(deadline=None)
@given(printable, printable)
def test_whatever_is_percent_encoded_is_read_as_it_was_and_never_shown(user: str, password: str) -> None:
    server = SmtpServer.parse(f"smtp://{quote(user, safe='')}:{quote(password, safe='')}@mail.example.com")
    assert (server.username, server.password, server.host) == (user, password, "mail.example.com")
    assert repr(server) == "mail.example.com:587 (tls starttls)"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_is_not_percent_encoded_is_read_or_refused_and_never_shown(password: str) -> None:
    try:
        said = repr(SmtpServer.parse(f"smtps://me:{CANARY}{password}{CANARY}@mail.example.com"))
    except ValueError as refusal:
        said = str(refusal)
    else:
        assert said == "mail.example.com:465 (tls implicit)"
    assert CANARY not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("MAIL_URL", "mail.example.com", "expected smtp://USER:PASSWORD@HOST:587"),
        ("MAIL_URL", "https://me:hush@mail.example.com", "expected smtp://USER:PASSWORD@HOST:587"),
        ("MAIL_URL", "smtp://me:hush@", "expected smtp://USER:PASSWORD@HOST:587"),
        ("MAIL_URL", "smtp://me:hush@mail example", "expected smtp://USER:PASSWORD@HOST:587"),
        ("MAIL_URL", "smtp://me:hush@mail.example.com/inbox", "expected smtp://USER:PASSWORD@HOST:587"),
        ("MAIL_URL", "smtp://me:hush/hush@mail.example.com", "it cannot be read: expected smtp://"),
        ("MAIL_URL", "smtp://me:12?hush=1@mail.example.com", "special characters in the user and the password are"),
        ("MAIL_URL", "smtp://me:12#hush@mail.example.com", "special characters in the user and the password are"),
        ("MAIL_URL", "smtp://me:%ff-hush@mail.example.com", "it cannot be read: expected smtp://"),
        ("MAIL_URL", "smtp://me:hush%0d%0aQUIT@mail.example.com", "it cannot be read: expected smtp://"),
        ("MAIL_URL", "smtp://me:hush@mail.example.com:mail", "it cannot be read: expected smtp://"),
        ("MAIL_URL", "smtp://me:hush@mail.example.com:0", "port 0 is none"),
        ("MAIL_URL", "smtp://hush@mail.example.com", "a user needs a password"),
        ("MAIL_URL", "smtp://:hush@mail.example.com", "a user needs a password"),
        ("MAIL_URL", "smtp://hush:@mail.example.com", "a user needs a password"),
        ("MAIL_URL", "smtp://me:hush@mail.example.com?tls=maybe", "tls: expected starttls or none"),
        ("MAIL_URL", "smtps://me:hush@mail.example.com?tls=none", "smtps is TLS from the first byte"),
        ("MAIL_URL", "smtp://me:hush@mail.example.com?verify=no", "an unknown option: there are tls=starttls"),
        ("MAIL_URL", "smtps://me:hush@mail.example.com?ca=/no/such.pem", "ca=/no/such.pem: no such file or directory"),
        ("MAIL_URL", f"smtps://me:hush@mail.example.com?ca={__file__}", "there is no certificate (PEM) in it"),
        ("MAIL_URL", "smtp://me:hush@mail.example.com?tls=none&ca=x.pem", "and there is none with tls=none"),
        ("MAIL_FROM", "Cat House", "expected one address, for example Cat House <no-reply@example.com>"),
        ("MAIL_FROM", "a@example.com, b@example.com", "expected one address"),
        ("MAIL_FROM", "Cat House <@example.com>", "expected one address"),
        ("MAIL_FROM", "Cat House <cats@>", "expected one address"),
        ("MAIL_FROM", "Cats: a@example.com, b@example.com;", "expected one address"),
        ("MAIL_FROM", "Cat House <cats@bücher.example>", "the address is ASCII (a domain as xn--…)"),
        ("PUBLIC_URL", "house.example", "Input should be a valid URL"),
        ("PUBLIC_URL", "ftp://house.example", "URL scheme should be 'http' or 'https'"),
        ("PUBLIC_URL", "https://house.example/?page=", "expected https://HOST or https://HOST/PATH"),
        ("PUBLIC_URL", "https://house.example/#top", "expected https://HOST or https://HOST/PATH"),
        ("PUBLIC_URL", "https://me:hush@house.example", "expected https://HOST or https://HOST/PATH"),
        ("EMAIL_VERIFICATION", "sometimes", "Input should be 'required' or 'optional'"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_variable_and_without_its_secret(
    variable: str, value: str, line: str
) -> None:
    said = why_refused({variable.lower(): value})
    assert line in said
    assert "\n" not in said
    assert CANARY not in said


def why_refused(changes: dict[str, Any]) -> str:
    """The one message with which these settings are refused."""
    given_values = {name.lower(): value for name, value in WORKING.items()}
    with pytest.raises(ValidationError) as refusal:
        AuthSettings(_env_file=None, **{**given_values, **changes})
    (fault,) = refusal.value.errors(include_url=False, include_input=False)
    return str(fault["msg"])


def test_the_service_says_it_in_one_line_and_does_not_start(tmp_path: Path) -> None:
    ended = run("auth", tmp_path, **WORKING, MAIL_URL="smtp://me:hush/hush@mail.example.com")
    assert ended.returncode == 2
    assert ended.stderr.startswith("auth-service cannot start: MAIL_URL: it cannot be read: expected smtp://USER")
    assert ended.stderr.count("\n") == 1
    assert CANARY not in ended.stderr


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"public_url": "https://house.example"}, "MAIL_FROM is not set: the sender of every mail"),
        ({"mail_from": "cats@house.example"}, "PUBLIC_URL is not set: the front end"),
        ({"mail_from": "cats@house.example", "public_url": "http://house.example"}, "PUBLIC_URL: in production it is"),
    ],
)
def test_production_with_a_server_wants_a_sender_and_a_front_end(changes: dict[str, str], line: str) -> None:
    keys = {use.value: SecretStr(derive(parse_roots(ROOT), use).text()) for use in USED_BY["auth"]}
    production: dict[str, Any] = {
        **keys,
        "environment": "production",
        "platform_secret": None,
        "token_issuer": "https://auth.house.example",
        "metrics_token": "0123456789abcdefghijklmnopqrstuvwxyz",
        "mail_url": "smtp://me:hush@mail.example.com",
    }
    assert line in why_refused({**production, **changes})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("cats@house.example", "cats@house.example"),
        ("Cat House <cats@house.example>", "cats@house.example"),
        ("Katzenhaus Köln <cats@house.example>", "cats@house.example"),
        ('"House, Cat" <cats@localhost>', "cats@localhost"),
    ],
)
def test_a_sender_is_one_address_with_a_name_or_without(text: str, address: str) -> None:
    assert parse_sender(text).addr_spec == address


def test_an_address_is_written_in_ascii() -> None:
    assert in_ascii("mia@example.com") == "mia@example.com"
    assert in_ascii("mia@bücher.example") == "mia@xn--bcher-kva.example"
    with pytest.raises(ValueError, match=r"^the address cannot be written in ASCII$"):
        in_ascii("mïa@example.com")
