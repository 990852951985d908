"""S1: log-ins that must look alike take alike: each kind's time beside a wrong password's, one at a time.

The same for asking for a new password, and for registering where addresses are verified. Calls go in rounds of one of
each kind, in shuffled order: what else the machine does meets all kinds alike, and a difference is taken within its
round. The noise is measured and not assumed: the median of the differences comes with its 95 % bootstrap interval, and
one row is a second sample of the kind that all are compared with.
"""

import datetime as dt
import random
import statistics
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from argon2 import PasswordHasher
from sqlalchemy import Engine, insert

from auth_service.accounts.passwords import ITERATIONS, MEMORY_KIB, PARALLELISM
from auth_service.login_attempts.repository import attempt_key
from benchmarks.figures import Figure, checkout, restarted, running
from cathouse.database.engine import make_migration_engine
from cathouse.schema import LoginAttempt, User, UserPreferences

SAMPLES = 200
"""Calls of each kind. Each has an address of its own, so that each is really of its kind."""

RESAMPLES = 2_000

RIGHT = "correct horse battery staple"
WRONG = "another horse battery staple"

NOBODY_LISTENS = "smtp://127.0.0.1:9"

REGISTER, LOGIN, FORGOT = "/api/v1/auth/register", "/api/v1/auth/login", "/api/v1/auth/password/forgot"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which a call can be refused or accepted, and what is compared with it: None compares with itself.

    ``account`` are the columns of the account (None: there is none), ``is_locked`` whether the address has too many
    failures.
    """

    name: str
    path: str
    reference: str
    status: int
    account: Mapping[str, Any] | None = None
    is_locked: bool = False
    password: str = WRONG


_LOGINS = "log-in, wrong password"
_FORGOT = "forgot, known address"
_REGISTER = "register, new address"
_CLOSED = {"is_active": False}
_CLERK_ONLY = {"password_hash": None, "password_is_long": False}

KINDS = (
    Kind(_LOGINS, LOGIN, _LOGINS, 401, account={}),
    Kind("the same again (noise)", LOGIN, _LOGINS, 401, account={}),
    Kind("unknown address", LOGIN, _LOGINS, 401),
    Kind("locked", LOGIN, _LOGINS, 401, account={}, is_locked=True),
    Kind("locked, right password", LOGIN, _LOGINS, 401, account={}, is_locked=True, password=RIGHT),
    Kind("locked, unknown address", LOGIN, _LOGINS, 401, is_locked=True),
    Kind("deactivated", LOGIN, _LOGINS, 401, account=_CLOSED),
    Kind("deactivated, right password", LOGIN, _LOGINS, 401, account=_CLOSED, password=RIGHT),
    Kind("without a password (Clerk only)", LOGIN, _LOGINS, 401, account=_CLERK_ONLY),
    Kind(_FORGOT, FORGOT, _FORGOT, 202, account={}),
    Kind("unknown address", FORGOT, _FORGOT, 202),
    Kind("deactivated", FORGOT, _FORGOT, 202, account=_CLOSED),
    Kind(_REGISTER, REGISTER, _REGISTER, 202, password=RIGHT),
    Kind("taken address", REGISTER, _REGISTER, 202, account={}, password=RIGHT),
)


@dataclass
class Sample:
    """A kind's calls and how long each took, in milliseconds."""

    kind: Kind
    addresses: Sequence[str]
    taken: list[float] = field(default_factory=list)


def measure() -> list[Figure]:
    """One run of all kinds. Prints the whole table; the figures are the median differences."""
    # As where mails are sent: only there registrations must look alike.
    mail = {"MAIL_URL": NOBODY_LISTENS}
    with checkout() as folder, running(folder) as stack, restarted(folder, stack, "auth", mail) as url:
        engine = make_migration_engine(stack.databases.migration)
        samples = [Sample(kind, _addresses(engine, kind)) for kind in KINDS]
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
            for _ in range(20):  # the first calls open connections and fill caches
                _call(http, KINDS[2], f"{uuid.uuid4().hex}@example.com")
            for number in range(SAMPLES):
                for sample in random.sample(samples, len(samples)):
                    sample.taken.append(_call(http, sample.kind, sample.addresses[number]))
    return _compared(samples)


def _addresses(engine: Engine, kind: Kind) -> list[str]:
    """Fresh addresses with what the kind wants behind them; each has failed once, or is locked."""
    addresses = [f"{uuid.uuid4().hex}@example.com" for _ in range(SAMPLES)]
    hasher = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)
    now = dt.datetime.now(dt.UTC)
    lock = {"failures": 12, "locked_until": now + dt.timedelta(hours=1)}
    attempts = [
        {"key": attempt_key(each), **(lock if kind.is_locked else {"failures": 1, "locked_until": None})}
        for each in addresses
    ]
    with engine.begin() as connection:
        connection.execute(insert(LoginAttempt), attempts)
        if kind.account is None:
            return addresses
        common = {
            "display_name": "Mia",
            "role": "player",
            "password_hash": hasher.hash(RIGHT),
            "password_is_long": True,
            "email_verified_at": now,
            **kind.account,
        }
        people = [{"id": uuid.uuid4(), "email": each, "email_key": each, **common} for each in addresses]
        connection.execute(insert(User), people)
        connection.execute(insert(UserPreferences), [{"user_id": each["id"]} for each in people])
    return addresses


def _call(http: httpx.Client, kind: Kind, address: str) -> float:
    body = {"email": address}
    if kind.path != FORGOT:
        body["password"] = kind.password
    if kind.path == REGISTER:
        body["display_name"] = "Mia"
    started = time.perf_counter()
    answer = http.post(kind.path, json=body)
    taken = time.perf_counter() - started
    if answer.status_code != kind.status:
        raise RuntimeError(f"{kind.name}: {answer.status_code} {answer.text}")
    return taken * 1000


def _compared(samples: Sequence[Sample]) -> list[Figure]:
    references = {sample.kind.name: sample.taken for sample in samples if sample.kind.name == sample.kind.reference}
    print(
        f"\n{SAMPLES} of each, ms  {'median':>16} {'p10':>7} {'p90':>7}   median difference in a round, 95 % interval"
    )
    figures = []
    for sample in samples:
        deciles = statistics.quantiles(sample.taken, n=10)
        row = f"{sample.kind.name:<32} {statistics.median(sample.taken):7.2f} {deciles[0]:7.2f} {deciles[8]:7.2f}"
        if sample.kind.name == sample.kind.reference:
            print(row)
            continue
        reference = references[sample.kind.reference]
        differences = [one - other for one, other in zip(sample.taken, reference, strict=True)]
        difference = statistics.median(differences)
        low, high = _interval(differences)
        verdict = "" if low <= 0 <= high else "  beyond the noise"
        print(f"{row}   {difference:+6.2f}  ({low:+.2f} to {high:+.2f}){verdict}")
        what = f"{sample.kind.reference} / {sample.kind.name}"
        figures.append(Figure("S1", what, difference, "ms", f"0 within {low:+.2f} to {high:+.2f}"))
    return figures


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the median lies, 95 times of 100 (percentile bootstrap)."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975)]
