"""Database URLs are read once and translated for each driver."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cathouse.database import DatabaseUrl

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
        ("postgresql://me:x@host/cats?target=x", "the parameter target is not supported"),
        ("postgresql://me:x@host:port/cats", "percent-encoded"),
    ],
)
def test_what_is_wrong_is_said_without_the_url(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        DatabaseUrl.parse(text)
    assert "x@" not in str(refusal.value)
