"""L1: twice the load that a service can carry: what is still answered, how, and what is left behind."""

import http.client
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import httpx
from argon2 import PasswordHasher
from sqlalchemy import Engine, func, insert, select

from auth_service.accounts.passwords import ITERATIONS, MEMORY_KIB, PARALLELISM
from benchmarks.crowd import crowd
from benchmarks.figures import Figure, restarted
from benchmarks.homes import Home
from benchmarks.load import Call
from benchmarks.open_loop import BROKEN, NUMBER, Phase, Sent, send
from benchmarks.scene import scene, talk
from cathouse.database.engine import make_migration_engine
from cathouse.local.seed_data import DEVELOPER
from cathouse.local.stack import Stack
from cathouse.schema import Cat, Interaction, StoredValue, User

PLAYERS, CATS, CATALOG = 10, 50, 1_000
LOG_INS = 300
"""Accounts: so many that no lock of a single one plays."""

CLIENTS = 32
"""At once, while it is found out what a service carries: fewer than passwords may wait to be hashed."""

BEFORE, TWICE, AFTER = range(3)
CARRIES_S, BEFORE_S, TWICE_S, AFTER_S = 2.5, 1.5, 5.0, 2.5
USUAL = 0.5
"""Of what a service carries: the load before and after."""

_PROBE_EVERY_S = 0.1
_WINDOW_S = 1.0
_REPORTED_WITHIN_S = 20.0

_SMALLEST = {"MOST_REQUESTS_UNDER_WAY": "1"}


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of load; ``lost`` counts what was acknowledged and is not there, or is there and was refused."""

    name: str
    url: str
    calls: Sequence[Call]
    probe: Call
    lost: Callable[[Sequence[Sent]], int]


def measure() -> list[Figure]:
    """Each service in turn, the others at rest."""
    figures: list[Figure] = []
    with scene() as here:
        homes = here.settle(players=PLAYERS, cats=CATS, catalog=CATALOG)
        engine = make_migration_engine(here.stack.databases.migration)
        for case in _cases(here.stack, here.proxy, homes, engine):
            figures += _press(case)
        figures.append(_price_of_a_refusal(here.folder, here.stack))
    return figures


def _press(case: Case) -> list[Figure]:
    with httpx.Client(base_url=case.url, trust_env=False, timeout=30) as http:
        for call in case.calls[:20]:
            call.answer(http) if NUMBER not in call.path + call.body else None
    alone = send(case.url, case.calls, [Phase(CARRIES_S, connections=CLIENTS)])
    carries = sum(sent.succeeded for sent in alone) / CARRIES_S
    usual = Phase(BEFORE_S, rate=carries * USUAL)
    phases = [usual, Phase(TWICE_S, rate=2 * carries), Phase(AFTER_S, rate=carries * USUAL)]
    with _probing(case, from_s=BEFORE_S + 0.5, until_s=BEFORE_S + TWICE_S) as probes:
        pressed = send(case.url, case.calls, phases, first_number=len(alone))
    twice = [sent for sent in pressed if sent.phase == TWICE]
    good = [sent for sent in twice if sent.succeeded]
    kept = sum(sent.ended < BEFORE_S + TWICE_S for sent in good) / TWICE_S / carries
    others = [sent for sent in (*alone, *pressed) if not (sent.succeeded or sent.was_shed)]
    for status in sorted({sent.status for sent in others}):
        print(f"L1 {case.name}: {sum(sent.status == status for sent in others)} answers {status or 'broken off'}")
    what = f"{case.name}, twice its load"
    return [
        Figure("L1", f"{case.name} carries", carries, "/s"),
        Figure("L1", f"{what}: good answers / what it carries", kept, "", "≥ 0.8"),
        Figure("L1", f"{what}: share of good answers", len(good) / len(twice), ""),
        Figure("L1", f"{what}: good answers, p99", _p99(good) * 1000, "ms", "≤ 1500"),
        Figure("L1", f"{what}: neither good nor shed", len(others), "", "≤ 0"),
        Figure("L1", f"{what}: {case.probe.path}, p99", max(probes) * 1000, "ms", "≤ 1000"),
        Figure("L1", f"{what}: as before after", _recovery(pressed), "s", "≤ 2"),
        Figure("L1", f"{what}: acknowledged and lost", case.lost([*alone, *pressed]), "", "≤ 0"),
    ]


def _recovery(pressed: Sequence[Sent]) -> float:
    """Seconds after the load, from which on nothing fails for a second and the slowest take at most twice as long."""
    usual = 2 * _p99([sent for sent in pressed if sent.phase == BEFORE])
    after = [sent for sent in pressed if sent.phase == AFTER]
    ended = BEFORE_S + TWICE_S
    for tenth in range(int((AFTER_S - _WINDOW_S) * 10) + 1):
        begins = ended + tenth / 10
        within = [sent for sent in after if begins <= sent.due < begins + _WINDOW_S]
        if all(sent.succeeded for sent in within) and _p99(within) <= max(usual, 0.05):
            return tenth / 10
    return AFTER_S


def _p99(sent: Sequence[Sent]) -> float:
    """In seconds."""
    return statistics.quantiles((each.seconds for each in sent), n=100)[98] if len(sent) > 1 else 0.0


@contextmanager
def _probing(case: Case, *, from_s: float, until_s: float) -> Iterator[list[float]]:
    """Ask ten times a second meanwhile, each time over a new connection; how long it took, in seconds."""
    took: list[float] = []
    host = case.url.removeprefix("http://")
    headers = {"Authorization": f"Bearer {case.probe.token}"} if case.probe.token else {}
    began = time.monotonic()

    def probe() -> None:
        while (now := time.monotonic() - began) < until_s:
            if now >= from_s:
                started = time.perf_counter()
                connection = http.client.HTTPConnection(host, timeout=30)
                connection.request(case.probe.method, case.probe.path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                connection.close()
                if answer.status != 200:
                    raise RuntimeError(f"{case.probe.path} answered {answer.status}")
                took.append(time.perf_counter() - started)
            time.sleep(_PROBE_EVERY_S)

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield took
    finally:
        thread.join()


def _cases(stack: Stack, proxy: str, homes: Sequence[Home], engine: Engine) -> Iterator[Case]:
    health = Call("GET", "/health")
    auth, catalog, installation = (stack.urls[name] for name in ("auth", "catalog", "installation"))
    people = list(dict.fromkeys(home.access_token for home in homes))
    me = Call("GET", "/api/v1/users/me", people[0])

    accounts: list[Call] = []
    for token in people:
        accounts += [Call("GET", "/api/v1/users/me", token)] * 4
        accounts.append(Call("PATCH", "/api/v1/users/me", token, f'{{"display_name":"Mia {NUMBER}"}}'))
    yield Case("auth-service", auth, accounts, health, lambda sent: _lost_names(stack, accounts, sent))
    yield Case("auth-service, log-ins", auth, _log_ins(engine), me, lambda _: 0)

    with httpx.Client(base_url=auth, trust_env=False) as http:
        account = {"email": DEVELOPER.email, "password": DEVELOPER.password}
        developer = http.post("/api/v1/auth/login", json=account).raise_for_status().json()["access_token"]
    reads = [Call("GET", f"/api/v1/cats/{cat.id}") for cat in crowd(190)]
    reads += [Call("GET", f"/api/v1/cats?tag={cat.tags[0]}") for cat in crowd(5)]
    cats = [*reads, *([Call("POST", "/api/v1/cats", developer, _CAT)] * 5)]
    yield Case("catalog-service", catalog, cats, health, lambda sent: _missing(cats, sent, _slugs(engine), "over-{}"))

    stored: list[Call] = []
    with httpx.Client(base_url=installation, trust_env=False, timeout=30) as http:
        for home in homes:
            Call("PUT", "/api/v1/cat/storage/visits", home.callback_token, "7").answer(http)
    for home in homes:
        stored.append(Call("PUT", f"/api/v1/cat/storage/n{NUMBER}", home.callback_token, "7"))
        stored += [Call("GET", "/api/v1/cat/storage/visits", home.callback_token)] * 2
        stored.append(Call("GET", "/api/v1/installations", home.access_token))
        stored.append(Call("GET", "/api/v1/notifications", home.access_token))
    yield Case(
        "installation-service", installation, stored, health, lambda sent: _missing(stored, sent, _keys(engine), "n{}")
    )
    yield Case("proxy-service", proxy, [talk(home) for home in homes], health, lambda sent: _unreported(engine, sent))


_CAT = (
    f'{{"name":"Over {NUMBER}","slug":"over-{NUMBER}","description":"It came when there were too many.",'
    '"version":"1.0.0","endpoint_url":"https://cats.example.com/","tags":[],"permissions":[]}'
)


def _log_ins(engine: Engine) -> list[Call]:
    """Of people whose password is the same, so that it need not be hashed for each."""
    password = "a-long-password-of-the-crowd"  # noqa: S105 - nobody's
    hasher = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)
    emails = [f"crowd-{number}@example.com" for number in range(LOG_INS)]
    same = {"password_hash": hasher.hash(password), "password_is_long": True, "display_name": "One of many"}
    with engine.begin() as connection:
        connection.execute(
            insert(User), [{"id": uuid.uuid4(), "email": each, "email_key": each, **same} for each in emails]
        )
    return [Call("POST", "/api/v1/auth/login", body=f'{{"email":"{each}","password":"{password}"}}') for each in emails]


def _slugs(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(select(Cat.slug).where(Cat.slug.startswith("over-"))))


def _keys(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(select(StoredValue.key)))


def _missing(calls: Sequence[Call], sent: Sequence[Sent], found: set[str], name: str) -> int:
    """How many of the numbered calls were acknowledged and are not found, or were refused and are."""
    numbered = [each for each in sent if NUMBER in calls[each.call].path + calls[each.call].body]
    return sum(each.status != BROKEN and each.succeeded != (name.format(each.number) in found) for each in numbered)


def _lost_names(stack: Stack, calls: Sequence[Call], sent: Sequence[Sent]) -> int:
    """How many people have a name that was refused, or that was given before another one which was acknowledged."""
    lost = 0
    with httpx.Client(base_url=stack.urls["auth"], trust_env=False, timeout=30) as http:
        for token in dict.fromkeys(call.token for call in calls):
            given = [each for each in sent if calls[each.call].token == token and calls[each.call].method == "PATCH"]
            name = Call("GET", "/api/v1/users/me", token).answer(http).json()["display_name"]
            has = next((each for each in given if f"Mia {each.number}" == name), None)
            acknowledged = [each for each in given if each.succeeded]
            if has is None:
                lost += bool(acknowledged)
            else:
                lost += has.was_shed or any(each.due > has.ended for each in acknowledged)
    return lost


def _unreported(engine: Engine, sent: Sequence[Sent]) -> int:
    """How many interactions that succeeded are not in the players' activity, after a while."""
    succeeded = sum(each.succeeded for each in sent)
    until = time.monotonic() + _REPORTED_WITHIN_S
    while True:
        with engine.connect() as connection:
            found = connection.scalar(select(func.count()).where(Interaction.status_code == 200)) or 0
        if found >= succeeded or time.monotonic() > until:
            return max(0, succeeded - found)
        time.sleep(_PROBE_EVERY_S)


def _price_of_a_refusal(folder: Path, stack: Stack) -> Figure:
    """Work for a refusal / for an answer: from how many of both a service gives that begins one request at a time."""
    calls = [Call("GET", f"/api/v1/cats/{cat.id}") for cat in islice(crowd(200), 200)]
    phases = [Phase(CARRIES_S, connections=CLIENTS)]
    served = sum(sent.succeeded for sent in send(stack.urls["catalog"], calls, phases))
    with restarted(folder, stack, "catalog", _SMALLEST) as url:
        answers = send(url, calls, phases)
    good = sum(sent.succeeded for sent in answers)
    refused = len(answers) - good
    return Figure("L1", "GET /api/v1/cats/{id}: work for a refusal / an answer", (served - good) / refused, "")
