"""`make up` gives each service what it reads, of what somebody set, and nothing else."""

from pathlib import Path

import pytest

from cathouse.database import DatabaseUrl
from cathouse.local.settings import StackSettings, service_environment
from cathouse.web import SERVICES, ServiceName

AUTH_ALONE = {
    "MAIL_URL": "smtp://me:hush@mail.example.com",
    "MAIL_FROM": "Cat House <cats@example.com>",
    "PUBLIC_URL": "https://play.example.com",
    "EMAIL_VERIFICATION": "optional",
    "CLERK_ISSUER": "https://clerk.example.com",
    "CLERK_JWKS_URL": "https://clerk.example.com/keys",
    "CLERK_AUTHORIZED_PARTIES": "https://play.example.com",
    "LIMIT_LOGINS": "off",
    "LIMIT_MAILS": "5/minute",
}
PROXY_ALONE = {"LIMIT_INTERACTIONS": "5/minute", "LIMIT_EXTERNAL_CALLS": "off", "DNS_SERVERS": "9.9.9.9"}
EVERYBODYS = {
    "TRUSTED_PROXIES": "10.0.0.5",
    "MOST_REQUESTS_UNDER_WAY": "100",
    "REDIS_URL": "redis://:hush@redis.example.com",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.com",
    "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=hush",
    "OTEL_TRACES_SAMPLER_ARG": "0.1",
}
URL = DatabaseUrl.parse("postgresql://me:hush@127.0.0.1/cats")


def environment(service: ServiceName, settings: StackSettings) -> dict[str, str]:
    return service_environment(
        service, settings, URL, jwt_secret="jwt", platform_secret="root", mails=Path("/house/.cathouse/mails")
    )


@pytest.fixture
def set_by_somebody(monkeypatch: pytest.MonkeyPatch) -> StackSettings:
    for name, value in {**AUTH_ALONE, **PROXY_ALONE, **EVERYBODYS}.items():
        monkeypatch.setenv(name, value)
    return StackSettings(_env_file=None)


def test_what_one_service_alone_reads_no_other_gets(set_by_somebody: StackSettings) -> None:
    assert environment("auth", set_by_somebody).items() >= AUTH_ALONE.items()
    assert environment("proxy", set_by_somebody).items() >= PROXY_ALONE.items()
    for service in SERVICES:
        given = environment(service, set_by_somebody)
        assert given.items() >= EVERYBODYS.items()
        if service != "auth":
            assert not given.keys() & {*AUTH_ALONE, "MAIL_FOLDER", "JWT_SECRET"}
        if service != "proxy":
            assert not given.keys() & {*PROXY_ALONE}


def test_mails_are_in_the_state_folder_and_nothing_is_set_that_nobody_set() -> None:
    given = environment("auth", StackSettings(_env_file=None))
    assert given["MAIL_FOLDER"] == "/house/.cathouse/mails"
    assert not given.keys() & {*AUTH_ALONE, *EVERYBODYS}


def test_no_password_is_in_a_repr(set_by_somebody: StackSettings) -> None:
    assert "hush" not in repr(set_by_somebody)
