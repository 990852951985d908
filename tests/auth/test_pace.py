"""Answers whose time tells nothing."""

import asyncio

import pytest

from auth_service.answer_times import takes_at_least


async def test_success_takes_as_long_whatever_was_done() -> None:
    clock = asyncio.get_running_loop().time
    for work_s in (0.0, 0.02):
        started = clock()
        async with takes_at_least(0.05):
            await asyncio.sleep(work_s)
        assert clock() - started >= 0.05


async def test_an_error_passes_at_once() -> None:
    async def fail() -> None:
        async with asyncio.timeout(30), takes_at_least(3600):
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
