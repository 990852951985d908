"""Shares: so much at once for an installation, for a cat and in all; a place comes back however a call ends."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from proxy_service.egress import shares as egress_shares
from proxy_service.egress.errors import CatBusyError, HouseBusyError, InstallationBusyError, RefusedCallError
from proxy_service.egress.shares import Shares

CAT, OTHER_CAT = uuid.uuid4(), uuid.uuid4()
HOME, OTHER_HOME = uuid.uuid4(), uuid.uuid4()


def shares() -> Shares:
    return Shares(installation=2, cat=3, total=4)


def refusal(of: Shares, cat: uuid.UUID, home: uuid.UUID | None = None) -> type[RefusedCallError] | None:
    """How one call more is refused; None: it is not. It is over at once."""
    try:
        with of.hold(cat, home):
            return None
    except RefusedCallError as error:
        return type(error)


def test_each_has_so_many_places_and_no_more() -> None:
    some = shares()
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(some.hold(CAT, HOME))
        assert refusal(some, CAT, HOME) is InstallationBusyError
        assert refusal(some, CAT, OTHER_HOME) is None
        stack.enter_context(some.hold(CAT, OTHER_HOME))
        assert refusal(some, CAT, OTHER_HOME) is CatBusyError
        assert refusal(some, CAT) is CatBusyError
        assert refusal(some, OTHER_CAT) is None
        stack.enter_context(some.hold(OTHER_CAT))
        assert refusal(some, OTHER_CAT) is HouseBusyError
        assert some.under_way == 4
    assert some.under_way == 0
    assert refusal(some, CAT, HOME) is None


def test_who_is_refused_may_come_again_in_a_second() -> None:
    for error in (InstallationBusyError(5), CatBusyError(), HouseBusyError()):
        assert (error.retry_after_s, error.headers["Retry-After"]) == (1, "1")


def test_who_is_refused_takes_no_place() -> None:
    some = shares()
    with some.hold(CAT, HOME), some.hold(CAT, HOME):
        for _ in range(10):
            assert refusal(some, CAT, HOME) is InstallationBusyError
        assert refusal(some, CAT, OTHER_HOME) is None
        assert some.under_way == 2


def test_installations_are_counted_only_where_they_have_a_limit() -> None:
    some = Shares(cat=3, total=10)
    with some.hold(CAT, HOME), some.hold(CAT, HOME), some.hold(CAT, HOME):
        assert refusal(some, CAT, HOME) is CatBusyError


def test_who_is_no_installation_is_not_counted_as_one() -> None:
    some = Shares(installation=1, cat=3, total=10)
    with some.hold(CAT), some.hold(CAT), some.hold(CAT, HOME):
        assert refusal(some, CAT) is CatBusyError
        assert set(some._installations) == {HOME}


def test_a_place_comes_back_after_an_error() -> None:
    some = Shares(installation=1, cat=1, total=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), some.hold(CAT, HOME):
            raise ZeroDivisionError
    assert some.under_way == 0


def test_a_request_counts_for_the_service_again_when_its_place_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def step_aside() -> Callable[[], None]:
        steps.append("aside")
        return lambda: steps.append("back")

    monkeypatch.setattr(egress_shares, "wait_for_others", step_aside)
    with shares().hold(CAT, HOME):
        assert steps == ["aside"]
    assert steps == ["aside", "back"]


async def test_a_place_comes_back_when_a_call_is_cancelled() -> None:
    some = Shares(installation=1, cat=1, total=1)

    async def hang() -> None:
        with some.hold(CAT, HOME):
            await asyncio.sleep(10)

    for _ in range(3):
        task = asyncio.create_task(hang())
        await asyncio.sleep(0)
        assert refusal(some, CAT, HOME) is InstallationBusyError
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert refusal(some, CAT, HOME) is None


def test_nothing_is_remembered_of_who_has_nothing_under_way() -> None:
    some = Shares(installation=5, cat=5, total=5)
    for _ in range(100):
        with some.hold(uuid.uuid4(), uuid.uuid4()):
            pass
    assert not some._cats
    assert not some._installations
