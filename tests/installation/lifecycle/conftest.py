"""A cat that listens, and pauses that are short."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest

from cathouse.database import DueRows, due
from cathouse.schema import LifecycleEvent
from installation_service.lifecycle import repository
from tests.fixtures.house import House
from tests.installation.lifecycle.outbox import SECONDS, SOON_S
from tests.proxy.cats import Cat, behaving_cat


@pytest.fixture
async def cat(house: House) -> AsyncIterator[Cat]:
    """A cat server that the house's cats live on from now on."""
    async with behaving_cat(house) as cat:
        yield cat


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pause is short, and nothing is given up."""
    pause_after = DueRows.pause_after

    def soon(rows: DueRows, attempts: int) -> dt.timedelta:
        return SOON_S * SECONDS if rows._model is LifecycleEvent else pause_after(rows, attempts)

    monkeypatch.setattr(DueRows, "pause_after", soon)
    monkeypatch.setattr(repository, "MOST_ATTEMPTS", 10_000)
    monkeypatch.setattr(due, "TAKEN_SOON_S", SOON_S)
