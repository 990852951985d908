"""How often something may be done: rates, moving windows, and what a flood of keys may cost."""

import asyncio
import time
import tracemalloc
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.aio.storage import MemoryStorage

from cathouse.web import Limiter, RateLimitedError, parse_rates
from cathouse.web.limits.memory import BoundedMemoryStorage


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Counter:
    """A limiter whose time is the test's."""

    rates: str

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.storage = BoundedMemoryStorage(clock=self.clock)
        self.limiter = Limiter(self.storage)

    async def call(self, key: str = "somebody") -> bool:
        """Whether a call is let through."""
        try:
            await self.limiter.hit(key, parse_rates(self.rates))
        except RateLimitedError:
            return False
        return True

    async def refusal(self, key: str = "somebody") -> RateLimitedError:
        """The refusal that a call must get."""
        with pytest.raises(RateLimitedError) as refused:
            await self.limiter.hit(key, parse_rates(self.rates))
        return refused.value


async def test_the_rate_is_let_through_and_the_next_call_is_not() -> None:
    counter = Counter("3/minute")
    assert [await counter.call() for _ in range(5)] == [True, True, True, False, False]
    assert await counter.call("another")


async def test_a_call_counts_for_the_whole_window_and_not_a_moment_longer() -> None:
    counter = Counter("2/minute")
    await counter.call()
    counter.clock.now += 30
    await counter.call()
    counter.clock.now += 29.999
    assert not await counter.call()
    counter.clock.now += 0.001
    assert await counter.call()
    assert not await counter.call()


async def test_around_the_end_of_a_minute_there_is_no_double_portion() -> None:
    counter = Counter("10/minute")
    counter.clock.now = 1199.0  # a second before a full minute
    assert all([await counter.call() for _ in range(10)])
    counter.clock.now = 1201.0
    assert not await counter.call()


async def test_a_refused_call_is_not_counted() -> None:
    counter = Counter("1/minute;3/hour")
    for _ in range(3):
        assert await counter.call()
        assert not any([await counter.call() for _ in range(10)])
        counter.clock.now += 60
    assert (await counter.refusal()).spent.limit == 3
    counter = Counter("3/minute;1/hour")
    for _ in range(10):
        await counter.call()
    counter.clock.now += 3599
    for _ in range(10):
        assert not await counter.call()
    counter.clock.now += 1
    assert await counter.call()


async def test_the_refusal_names_the_longest_wait() -> None:
    counter = Counter("2/minute;2/hour")
    await counter.call()
    counter.clock.now += 10
    await counter.call()
    refused = await counter.refusal()
    assert (refused.code, refused.status) == ("rate_limited", 429)
    assert refused.headers == {
        "Retry-After": "3590",
        "RateLimit-Limit": "2",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "3590",
    }


async def test_the_wait_is_whole_seconds_and_at_least_one() -> None:
    counter = Counter("1/second")
    await counter.call()
    assert (await counter.refusal()).headers["Retry-After"] == "1"
    counter.clock.now += 0.999
    assert (await counter.refusal()).headers["Retry-After"] == "1"


async def test_an_allowed_call_says_how_it_stands_with_the_nearest_limit() -> None:
    counter = Counter("5/minute;6/hour")
    first = await counter.limiter.hit("somebody", parse_rates(counter.rates))
    assert first is not None
    assert (first.limit, first.remaining, first.reset_s) == (5, 4, 60)
    for _ in range(3):
        counter.clock.now += 60
        last = await counter.limiter.hit("somebody", parse_rates(counter.rates))
    assert last is not None
    assert (last.limit, last.remaining, last.reset_s) == (6, 2, 3420)


async def test_without_rates_nothing_is_limited() -> None:
    counter = Counter("off")
    assert await counter.limiter.hit("somebody", parse_rates("OFF ")) is None


async def test_with_the_machines_own_clock() -> None:
    limiter, rates = Limiter(BoundedMemoryStorage()), parse_rates("2/second")
    for _ in range(2):
        await limiter.hit("somebody", rates)
    with pytest.raises(RateLimitedError):
        await limiter.hit("somebody", rates)
    await asyncio.sleep(1.05)
    await limiter.hit("somebody", rates)


async def test_any_storage_of_the_library_will_do() -> None:
    storage = MemoryStorage()
    limiter, rates = Limiter(storage), parse_rates("2/minute")
    for _ in range(2):
        await limiter.hit("somebody", rates)
    with pytest.raises(RateLimitedError) as refused:
        await limiter.hit("somebody", rates)
    assert 50 < refused.value.spent.reset_s <= 60
    assert storage.timer is not None
    await storage.timer


async def test_of_two_processes_one_gets_the_last_place() -> None:
    class Shared(BoundedMemoryStorage):
        """Another process's call comes between the look and the count."""

        async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
            await super().acquire_entry(key, limit, expiry, amount)
            return await super().acquire_entry(key, limit, expiry, amount)

    with pytest.raises(RateLimitedError) as refused:
        await Limiter(Shared()).hit("somebody", parse_rates("1/minute"))
    assert (refused.value.spent.remaining, refused.value.spent.reset_s) == (0, 60)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab")), min_size=1, max_size=80),
    st.integers(1, 4),
    st.integers(1, 8),
)
def test_it_does_what_a_plain_count_of_the_past_says(steps: list[tuple[int, str]], few: int, many: int) -> None:
    """Quarters of a second, so that calls meet the very ends of windows."""
    counter = Counter(f"{few}/second;{many}/3 seconds")
    passed: list[tuple[str, float]] = []

    async def go() -> None:
        for quarters, key in steps:
            counter.clock.now += quarters / 4
            now = counter.clock.now
            recent = [now - at for who, at in passed if who == key]
            allowed = sum(age < 1 for age in recent) < few and sum(age < 3 for age in recent) < many
            assert await counter.call(key) == allowed
            if allowed:
                passed.append((key, now))

    asyncio.run(go())


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 8))
def test_who_waits_as_long_as_told_is_let_through(steps: list[int], few: int, many: int) -> None:
    counter = Counter(f"{few}/second;{many}/3 seconds")

    async def go() -> None:
        for quarters in steps:
            counter.clock.now += quarters / 4
            if not await counter.call():
                counter.clock.now += (await counter.refusal()).spent.reset_s
                assert await counter.call()

    asyncio.run(go())


async def test_a_flood_of_keys_does_not_stay() -> None:
    counter = Counter("60/minute")
    for number in range(100_000):
        await counter.storage.acquire_entry(f"key {number}", 60, 60)
    window = counter.storage._calls[60]
    assert len(window) == 100_000
    counter.clock.now += 60
    await counter.call()
    assert len(window) == 1


async def test_keys_run_out_in_the_order_of_their_last_call() -> None:
    counter = Counter("5/minute")
    for seconds, key in enumerate("abca"):
        counter.clock.now = 1000 + seconds
        await counter.call(key)
    counter.clock.now = 1062.5  # b and c have run out, a's last call has not
    await counter.call("d")
    assert list(counter.storage._calls[60]._calls) == ["LIMITER/a/5/1/minute", "LIMITER/d/5/1/minute"]


async def test_a_flood_of_keys_is_bounded_while_it_lasts() -> None:
    largest = 1024 * 1024
    storage = BoundedMemoryStorage(largest=largest)
    tracemalloc.start()
    try:
        for number in range(20_000):
            await storage.acquire_entry(f"LIMITER/logins/203.0.113.{number}/600/1/hour", 600, 3600)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 * largest
    window = storage._calls[3600]
    assert 3000 < len(window) < 4000
    assert window._bytes <= largest
    assert "LIMITER/logins/203.0.113.19999/600/1/hour" in window._calls
    for number in range(40):  # many calls of few keys are bounded as well
        for _ in range(10_000):
            await storage.acquire_entry(f"busy {number}", 10_000, 3600)
    assert window._bytes <= largest
    assert len(window._calls["busy 39"]) == 10_000


async def test_a_call_costs_the_same_however_many_keys_there_are() -> None:
    storage = BoundedMemoryStorage()
    limiter, rates = Limiter(storage), parse_rates("600/hour")
    for number in range(50_000):
        await storage.acquire_entry(f"key {number}", 600, 3600)
    started = time.process_time()
    for number in range(100):
        await limiter.hit(f"key {number}", rates)
    assert time.process_time() - started < 0.5  # 5 ms a call; the library's own storage takes seconds for one


async def test_a_key_can_be_forgotten_and_all_of_them() -> None:
    counter = Counter("1/minute")
    await counter.call("a")
    await counter.call("b")
    await counter.storage.clear("LIMITER/a/1/1/minute")
    assert await counter.call("a")
    assert not await counter.call("b")
    assert await counter.storage.reset() == 2
    assert await counter.call("b")


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("60/minute;600/hour", [(60, 60), (600, 3600)]),
        ("600/hour; 60/minute", [(60, 60), (600, 3600)]),
        ("1/second;100/day", [(1, 1), (100, 86400)]),
        ("5/10minutes", [(5, 600)]),
        ("5/10 minutes", [(5, 600)]),
        ("10000/hours", [(10000, 3600)]),
        ("5/minute;5/minute", [(5, 60)]),
        ("off", []),
    ],
)
def test_rates_are_read(text: str, rates: list[tuple[int, int]]) -> None:
    assert [(rate.amount, rate.get_expiry()) for rate in parse_rates(text)] == rates


@pytest.mark.parametrize(
    "text",
    [
        *("", ";", "5", "5/", "/minute", "minute", "five/minute", "5/fortnight", "5/month", "0/minute", "-5/minute"),
        *("5.5/minute", "5/0minutes", "5/minute;", "5/minute,6/hour", "5 per minute", "\u0665/minute", "off;5/minute"),
        *("5/minute\n6/hour", "10001/minute", "99999999999/minute"),
    ],
)
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_rates(text)


@given(st.text())
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        rates = parse_rates(text)
    except ValueError as error:
        assert str(error).startswith("expected")  # noqa: PT017 - a value may as well be fine
    else:
        assert all(rate.amount > 0 for rate in rates)
