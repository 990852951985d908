"""Database URLs are read once and translated for each driver."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cathouse.database import DatabaseUrl
from cathouse.database.urls import SslMode

PASSWORD_CHARACTERS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=30)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_usual_scheme_is_read(scheme: str) -> None:
    url = DatabaseUrl.parse(f"{scheme}://me:secret@db.example.com:6432/cats")
    assert (url.user, url.password, url.host, url.port, url.name) == ("me", "secret", "db.example.com", 6432, "cats")
    assert url.for_asyncpg().drivername == "postgresql+asyncpg"
    assert url.for_psycopg2().drivername == "postgresql+psycopg2"


@given(PASSWORD_CHARACTERS)
def test_any_password_survives_the_way_to_a_service(password: str) -> None:
    url = DatabaseUrl("me", password, "127.0.0.1", 5432, "cats", "prefer")
    again = DatabaseUrl.parse(url.for_libpq())
    assert again.password == password
    assert again.for_asyncpg().password == password
    assert again.for_psycopg2().password == password


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=20)
HOSTS = st.one_of(
    st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z][a-z0-9-]{0,10}){0,3}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)
SSL_MODES = st.sampled_from(["disable", "prefer", "require", "verify-ca", "verify-full"])


@given(NAMES, PASSWORD_CHARACTERS, HOSTS, st.integers(1, 65535), NAMES, SSL_MODES, st.sampled_from([None, "require"]))
def test_every_part_survives_every_driver_and_no_parameter_reaches_asyncpg(
    user: str, password: str, host: str, port: int, name: str, ssl_mode: SslMode, channel_binding: str | None
) -> None:
    url = DatabaseUrl(user, password, host, port, name, ssl_mode, channel_binding=channel_binding)
    assert DatabaseUrl.parse(url.for_libpq()) == url
    for made in (url.for_asyncpg(), url.for_psycopg2()):
        assert (made.username, made.password, made.host, made.port, made.database) == (user, password, host, port, name)
    assert not url.for_asyncpg().query
    assert url.for_psycopg2().query["sslmode"] == ssl_mode
    given_to_asyncpg = url.asyncpg_ssl()
    if ssl_mode in ("disable", "prefer"):
        assert given_to_asyncpg == ("prefer" if ssl_mode == "prefer" else False)
    else:
        assert isinstance(given_to_asyncpg, ssl.SSLContext)


def refusal_of(text: str) -> str:
    """What is said against a URL; nothing when it is read."""
    try:
        DatabaseUrl.parse(text)
    except ValueError as refusal:
        return str(refusal)
    return ""


@given(st.text(max_size=80))
def test_whatever_is_given_is_read_or_refused_in_one_line(text: str) -> None:
    assert "\n" not in refusal_of(f"postgresql://{text}")


@given(PASSWORD_CHARACTERS.filter(lambda password: len(password) > 3))
def test_a_password_that_was_not_encoded_is_never_in_the_refusal(password: str) -> None:
    refusal = refusal_of(f"postgresql://me:{password}@db.example.com:nowhere/cats?sslmode=maybe")
    assert refusal
    assert password not in refusal


def test_a_password_is_never_shown() -> None:
    url = DatabaseUrl.parse("postgresql://me:hush@db.example.com/cats")
    assert "hush" not in f"{url} {url!r}"


def test_a_server_elsewhere_must_prove_its_name_unless_told_otherwise() -> None:
    context = DatabaseUrl.parse("postgresql://me:x@db.example.com/cats").asyncpg_ssl()
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_require_encrypts_and_does_not_verify() -> None:
    context = DatabaseUrl.parse("postgresql://me:x@db.example.com/cats?sslmode=require").asyncpg_ssl()
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_needs_no_certificate(host: str) -> None:
    url = DatabaseUrl.parse(f"postgresql://me:x@{host}/cats")
    assert url.is_local
    assert url.asyncpg_ssl() == "prefer"


def test_what_neon_gives_is_understood() -> None:
    url = DatabaseUrl.parse(
        "postgresql://me:x@ep-cool-cat-pooler.eu-central-1.aws.neon.tech/cathouse"
        "?sslmode=require&channel_binding=require&options=endpoint%3Dep-cool-cat"
    )
    assert url.pooler == "transaction"
    assert not url.for_asyncpg().query
    assert url.for_psycopg2().query == {"sslmode": "require", "channel_binding": "require"}


def test_supabase_and_plain_hosts_are_told_apart() -> None:
    assert DatabaseUrl.parse("postgres://p.x:y@aws-0-eu.pooler.supabase.com:6543/postgres").pooler == "transaction"
    assert DatabaseUrl.parse("postgres://p.x:y@aws-0-eu.pooler.supabase.com:5432/postgres").pooler == "none"
    assert DatabaseUrl.parse("postgres://p.x:y@db.x.supabase.co:6543/postgres").pooler == "transaction"
    assert DatabaseUrl.parse("postgres://me:y@db.x.supabase.co/postgres").pooler == "none"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mysql://me@host/cats", "begins with postgresql://"),
        ("", "begins with postgresql://"),
        ("postgresql://host/cats", "the user or the database is missing"),
        ("postgresql://me:x@host", "the user or the database is missing"),
        ("postgresql://me:x@host/cats?sslmode=maybe", "sslmode=maybe is not one of"),
        ("postgresql://me:x@host/cats?sslrootcert=/no/such/file", "is not a file"),
        (f"postgresql://me:x@host/cats?sslrootcert=/{'ca' * 200}", "is not a file"),
        ("postgresql://me:x@host/cats?target=x", "the parameter target is not supported"),
        ("postgresql://me:x@host:port/cats", "percent-encoded"),
        ("postgresql://me:p@x@host/cats", "percent-encoded"),
    ],
)
def test_what_is_wrong_is_said_without_the_url(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        DatabaseUrl.parse(text)
    assert "x@" not in str(refusal.value)


def test_an_authority_file_that_holds_no_certificate_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    url = DatabaseUrl.parse(f"postgresql://me:x@host/cats?sslrootcert={tmp_path / 'ca.pem'}")
    with pytest.raises(ValueError, match="holds no certificate"):
        url.asyncpg_ssl()


# Root may read everything, so it becomes somebody else: in a process of its own, when all is imported.
UNPRIVILEGED = """
import os, sys
from cathouse.database import DatabaseUrl
if os.geteuid() == 0:
    os.seteuid(65534)
for name in sys.argv[1:]:
    try:
        DatabaseUrl.parse(f"postgresql://me:x@host/cats?sslrootcert={name}").asyncpg_ssl()
    except ValueError as refusal:
        print(refusal)
"""


def test_an_authority_file_that_may_not_be_read_is_told_apart_from_one_without_a_certificate(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    (folder / "closed").mkdir(parents=True)
    for name in ("ca.pem", "closed/ca.pem"):
        (folder / name).write_text("a certificate")
    (folder / "ca.pem").chmod(0)
    (folder / "closed").chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, "ca.pem", "closed/ca.pem"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    (folder / "closed").chmod(0o700)
    assert done.stdout.splitlines() == [
        "sslrootcert=ca.pem: permission denied",
        "sslrootcert=closed/ca.pem is not a file",
    ], done.stderr
