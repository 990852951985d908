"""Breakers: when a cat is left alone, for how long, and who is let through to see whether it is well again."""

import math
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxy_service.egress import breakers
from proxy_service.egress.breakers import (
    FAILURES_IN_A_ROW,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Breakers,
    BreakerState,
    Passage,
)
from proxy_service.egress.errors import (
    AnswerTimeoutError,
    AnswerTooLargeError,
    BreakerOpenError,
    CatFailedError,
    ConnectTimeoutError,
    DestinationUnavailableError,
    EgressError,
    MalformedAnswerError,
    TlsError,
)

CAT, OTHER_CAT = uuid.uuid4(), uuid.uuid4()
FAILED = AnswerTimeoutError(15)


class Cats:
    """Breakers, the time of day, and calls that go well or badly."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.breakers = Breakers(lambda: self.now)

    def call(self, outcome: str, *, cat: uuid.UUID = CAT) -> None:
        """``.`` goes well, ``x`` fails, ``4`` is refused by the cat, ``-`` is given up by its caller."""
        with self.breakers.passage(cat) as passage:
            match outcome:
                case ".":
                    passage.succeeded()
                case "x":
                    passage.failed(FAILED)
                case "4":
                    passage.failed(CatFailedError(401))

    def calls(self, outcomes: str, *, every_s: float = 0) -> None:
        for outcome in outcomes:
            self.call(outcome)
            self.now += every_s

    def left_alone_for(self, cat: uuid.UUID = CAT) -> int:
        """Seconds until the cat may be asked again; 0: now. Nothing is learnt by asking."""
        try:
            with self.breakers.passage(cat):
                return 0
        except BreakerOpenError as error:
            return error.retry_after_s

    def open(self) -> None:
        self.calls("x" * FAILURES_IN_A_ROW)
        assert self.left_alone_for() == FIRST_PAUSE_S


@pytest.fixture
def cats() -> Cats:
    return Cats()


@pytest.mark.parametrize(
    ("outcomes", "every_s", "is_open"),
    [
        # five in a row
        ("xxxx", 0, False),
        ("xxxxx", 0, True),
        ("xxxx.xxxx", 0, False),
        ("xxxx.xxxxx", 0, True),
        ("xxxxx", 3600, True),
        ("xxxx-x", 0, True),
        # the cat's own refusals are answers
        ("44444", 0, False),
        ("xxxx4xxxx", 0, False),
        ("4x" * 10, 0, True),
        # half of twenty
        ("x." * 9 + "x", 0, False),
        ("x." * 10, 0, True),
        (".x" * 10, 0, True),
        (".." + "x." * 9, 0, False),
        ("x...x..." * 10, 0, False),
        # within thirty seconds
        ("x." * 10, 1.4, True),
        ("x." * 10, 1.55, True),
        ("x." * 10, 1.6, False),
        ("x." * 50, 1.6, False),
        ("." * 100 + "x." * 10, 0, False),
    ],
)
def test_a_breaker_opens_after_five_failures_in_a_row_or_half_of_twenty(
    cats: Cats, outcomes: str, every_s: float, *, is_open: bool
) -> None:
    cats.calls(outcomes[:-1], every_s=every_s)
    cats.call(outcomes[-1])
    assert cats.left_alone_for() == (FIRST_PAUSE_S if is_open else 0)
    assert cats.breakers.count()[BreakerState.OPEN] == is_open
    assert cats.left_alone_for(OTHER_CAT) == 0


def test_what_was_good_long_ago_does_not_make_up_for_what_is_bad_now(cats: Cats) -> None:
    cats.calls("." * 100)
    cats.now += 31
    cats.calls("x." * 10)
    assert cats.left_alone_for() > 0


def test_what_was_bad_lately_is_remembered_when_what_came_before_is_forgotten(cats: Cats) -> None:
    cats.call(".")
    cats.now += 28
    cats.calls("x." * 8)
    cats.now += 3
    cats.calls("x.x")
    assert cats.left_alone_for() == 0
    cats.call(".")
    assert cats.left_alone_for() == FIRST_PAUSE_S


def test_what_was_bad_long_ago_is_forgotten(cats: Cats) -> None:
    cats.calls("xxx." * 4)
    cats.now += 31
    cats.calls("." * 17)
    assert cats.left_alone_for() == 0


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (AnswerTimeoutError(15), True),
        (AnswerTooLargeError(5), True),
        (ConnectTimeoutError(3), True),
        (DestinationUnavailableError(), True),
        (MalformedAnswerError("?"), True),
        (TlsError(), True),
        *((CatFailedError(status), True) for status in (301, 307, 399, 500, 503, 599)),
        *((CatFailedError(status), False) for status in (400, 401, 404, 407, 422, 429, 499)),
    ],
    ids=lambda value: str(getattr(value, "received_status", None) or type(value).__name__),
)
def test_no_usable_answer_is_a_failure_and_a_refusal_is_not(cats: Cats, error: EgressError, *, counts: bool) -> None:
    for _ in range(FAILURES_IN_A_ROW):
        with cats.breakers.passage(CAT) as passage:
            passage.failed(error)
    assert (cats.left_alone_for() > 0) == counts


def test_whoever_is_refused_is_told_when_to_come_again_in_whole_seconds(cats: Cats) -> None:
    cats.open()
    for passed in (0.0, 0.5, 10.2, 29.001):
        cats.now += passed
        with pytest.raises(BreakerOpenError) as raised, cats.breakers.passage(CAT):
            pass
        left = raised.value.retry_after_s
        assert (raised.value.status, raised.value.code) == (503, "breaker_open")
        assert raised.value.headers["Retry-After"] == str(left)
        assert left == math.ceil(FIRST_PAUSE_S - passed)
        cats.now -= passed


def test_the_pause_doubles_up_to_five_minutes_and_a_probe_that_goes_well_ends_it(cats: Cats) -> None:
    cats.open()
    pauses = []
    for _ in range(6):
        pause = cats.left_alone_for()
        pauses.append(pause)
        cats.now += pause - 0.01
        assert cats.left_alone_for() == 1
        cats.now += 0.01
        cats.call("x")
    assert pauses == [30, 60, 120, 240, 300, LONGEST_PAUSE_S]
    cats.now += LONGEST_PAUSE_S
    cats.call(".")
    assert (cats.left_alone_for(), cats.breakers.count()[BreakerState.CLOSED]) == (0, 1)
    # All is forgiven: it takes five again, and the first pause is short.
    cats.calls("xxxx")
    assert cats.left_alone_for() == 0
    cats.call("x")
    assert cats.left_alone_for() == FIRST_PAUSE_S


def test_a_probe_is_no_call_of_the_window_that_follows_it(cats: Cats) -> None:
    cats.open()
    cats.now += FIRST_PAUSE_S
    cats.call(".")
    cats.calls("x." * 9 + "x")
    assert cats.left_alone_for() == 0
    cats.call(".")
    assert cats.left_alone_for() == FIRST_PAUSE_S


def test_what_the_cat_refuses_is_a_probe_that_goes_well(cats: Cats) -> None:
    cats.open()
    cats.now += FIRST_PAUSE_S
    cats.call("4")
    assert cats.left_alone_for() == 0


def test_one_probe_is_let_through_and_no_other_beside_it(cats: Cats) -> None:
    cats.open()
    cats.now += FIRST_PAUSE_S
    with cats.breakers.passage(CAT) as probe:
        for _ in range(3):
            assert cats.left_alone_for() == 1
        assert cats.breakers.count()[BreakerState.HALF_OPEN] == 1
        probe.succeeded()
        assert cats.left_alone_for() == 0


@pytest.mark.parametrize("error", [None, RuntimeError("the caller's own")])
def test_a_probe_that_is_abandoned_leaves_the_next_one_to_be_it(cats: Cats, error: Exception | None) -> None:
    cats.open()
    cats.now += FIRST_PAUSE_S
    for _ in range(3):
        try:
            with cats.breakers.passage(CAT):
                assert cats.left_alone_for() == 1
                if error is not None:
                    raise error
        except RuntimeError:
            pass
    cats.call("x")
    assert cats.left_alone_for() == 2 * FIRST_PAUSE_S


def test_a_probe_that_is_over_takes_nothing_from_the_next_one(cats: Cats) -> None:
    cats.open()
    cats.now += FIRST_PAUSE_S
    with cats.breakers.passage(CAT) as abandoned:
        abandoned.end()
        with cats.breakers.passage(CAT):
            abandoned.end()
            assert cats.left_alone_for() == 1


@pytest.fixture
def before(cats: Cats) -> Iterator[list[Passage]]:
    """Calls from before the breaker opened, that are still under way."""
    with ExitStack() as stack:
        passages = [stack.enter_context(cats.breakers.passage(CAT)) for _ in range(10)]
        cats.open()
        yield passages


def test_late_results_from_before_say_nothing_while_it_is_open(cats: Cats, before: list[Passage]) -> None:
    before.pop().succeeded()
    assert cats.left_alone_for() == FIRST_PAUSE_S
    before.pop().failed(FAILED)
    assert cats.left_alone_for() == FIRST_PAUSE_S
    cats.now += FIRST_PAUSE_S
    with cats.breakers.passage(CAT):
        before.pop().succeeded()
        before.pop().failed(FAILED)
        before.pop().end()
        assert cats.left_alone_for() == 1  # the probe is still the only one


def test_late_results_from_before_say_nothing_when_it_has_closed_again(cats: Cats, before: list[Passage]) -> None:
    cats.now += FIRST_PAUSE_S
    cats.call(".")
    while before:
        before.pop().failed(FAILED)
    assert cats.left_alone_for() == 0


def test_a_stream_that_breaks_off_after_it_began_well_counts_as_a_failure(cats: Cats) -> None:
    for streams in range(breakers.FEWEST_IN_WINDOW // 2):
        assert cats.left_alone_for() == 0, streams
        with cats.breakers.passage(CAT) as passage:
            passage.succeeded()
            passage.failed(FAILED)
    assert cats.left_alone_for() > 0


def test_so_many_cats_are_remembered_and_those_that_were_quiet_longest_forgotten(
    cats: Cats, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert breakers.MOST_CATS == 10_000
    monkeypatch.setattr(breakers, "MOST_CATS", 100)
    cats.open()
    for _ in range(150):
        cats.call(".", cat=uuid.uuid4())
        assert cats.left_alone_for() == FIRST_PAUSE_S  # who is asked is not quiet
    for _ in range(150):
        cats.call(".", cat=uuid.uuid4())
        assert len(cats.breakers._cats) <= 100
    assert len(cats.breakers._cats) == 100
    assert cats.left_alone_for() == 0


def test_what_is_remembered_of_a_cat_does_not_grow_with_its_calls(cats: Cats) -> None:
    cats.calls("..x" * 3000, every_s=0.1)
    assert len(cats.breakers._cats[CAT]._slices) <= 11


def test_how_many_breakers_are_in_each_state_is_read_at_any_time(cats: Cats) -> None:
    readings = cats.breakers.readings()
    assert [reading.labels for reading in readings] == [{"state": each} for each in ("closed", "open", "half-open")]
    assert {reading.name for reading in readings} == {"cathouse_breakers"}
    cats.open()
    cats.call(".", cat=OTHER_CAT)
    assert [reading.read() for reading in readings] == [1, 1, 0]
    cats.now += FIRST_PAUSE_S
    assert [reading.read() for reading in readings] == [1, 0, 1]
