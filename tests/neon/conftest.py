"""Neon as the tests see it: Prism, an account in front of it, a client, the project of Cat House."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from cathouse.neon import NeonClient, NeonSettings, Provisioned, provision
from tests.fixtures.prism import Prism, prism
from tests.neon.account import Account
from tests.neon.service import KEY, NeonService, neon_service

__all__ = ["prism"]


@pytest.fixture
def neon(prism: Prism) -> Iterator[NeonService]:
    """An empty account; at the end no call may have broken Neon's document."""
    with neon_service(prism) as service:
        yield service
    assert service.violations == []


@pytest.fixture
def client(neon: NeonService) -> Iterator[NeonClient]:
    """A client that waits little."""
    with make_client(neon.url) as made:
        yield made


@pytest.fixture(scope="session")
def provisioned(prism: Prism) -> tuple[Account, Provisioned]:
    """What one real provisioning leaves behind."""
    with neon_service(prism) as service, make_client(service.url) as client:
        there = provision(client)
    assert service.violations == []
    return service.account, there


@pytest.fixture
def cat_house(neon: NeonService, provisioned: tuple[Account, Provisioned]) -> Provisioned:
    """Project cat-house with its three branches, in this test's account."""
    account, there = provisioned
    neon.account = copy.deepcopy(account)
    return there


@pytest.fixture
def environment(neon: NeonService, cat_house: Provisioned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that lead a command to the project; no .env file is near."""
    monkeypatch.chdir(tmp_path)
    for name in NeonSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NEON_API_URL", neon.url)
    monkeypatch.setenv("NEON_API_KEY", KEY)
    monkeypatch.setenv("NEON_PROJECT_ID", cat_house.project.id)


def make_client(url: str, *, timeout_s: float = 10.0, deadline_s: float = 10.0) -> NeonClient:
    """A client with short pauses."""
    return NeonClient(
        url=url,
        key=SecretStr(KEY),
        timeout_s=timeout_s,
        deadline_s=deadline_s,
        operations_deadline_s=deadline_s,
        first_pause_s=0.01,
    )
