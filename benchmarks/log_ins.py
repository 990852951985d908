"""P4: log-ins a second against the bare Argon2id rate on the same cores; what it does to everybody else meanwhile."""

import json
import os
import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
from argon2 import PasswordHasher

from auth_service.accounts.passwords import ITERATIONS, MEMORY_KIB, PARALLELISM
from benchmarks.figures import Figure, checkout, running
from benchmarks.load import Call, press, pressing, read, wrk
from cathouse.local.seed_data import PLAYER

ROUNDS = 3
SECONDS = 3.0
CLIENTS = 8


def measure() -> list[Figure]:
    """Bare and whole in turn, medians over the rounds."""
    wrk()
    with checkout() as folder, running(folder) as stack, httpx.Client(base_url=stack.urls["auth"], timeout=30) as http:
        log_ins = [_account(http) for _ in range(CLIENTS)]
        access_token = log_ins[0].answer(http).json()["access_token"]
        profile = Call("GET", "/api/v1/users/me", access_token)
        bare, whole, idle, busy = [], [], [], []
        for _ in range(ROUNDS):
            bare.append(_bare_rate())
            url = str(http.base_url)
            whole.append(press(url, log_ins, connections=CLIENTS, seconds=SECONDS).faultless("log-ins").rate)
            idle.append(_p99_ms(http, profile))
            # Once more with somebody who looks, whose client is Python's, and takes its part of the cores.
            with pressing(url, log_ins, connections=CLIENTS, seconds=SECONDS + 1) as logging_in:
                time.sleep(0.5)
                busy.append(_p99_ms(http, profile))
                read(logging_in).faultless("log-ins")
    ratio = statistics.median(rate / reference for rate, reference in zip(whole, bare, strict=True))
    slower = statistics.median(b / i for b, i in zip(busy, idle, strict=True))
    return [
        Figure.of_rounds("P4", "bare Argon2id verifications", bare, "/s"),
        Figure.of_rounds("P4", "log-ins over HTTP", whole, "/s"),
        Figure("P4", "log-ins / bare Argon2id", ratio, "", "≥ 0.9"),
        Figure.of_rounds("P4", "GET /users/me p99, idle", idle, "ms"),
        Figure.of_rounds("P4", "GET /users/me p99 while logging in", busy, "ms"),
        Figure("P4", "GET /users/me p99 while logging in / idle", slower, "", "≤ 5"),
    ]


def _account(http: httpx.Client) -> Call:
    """A log-in of a new person: attempts are counted before they are checked, so one person's look like guessing."""
    account = {"email": f"{uuid.uuid4().hex}@example.com", "password": PLAYER.password * 2}
    http.post("/api/v1/auth/register", json={**account, "display_name": "Bench"}).raise_for_status()
    return Call("POST", "/api/v1/auth/login", body=json.dumps(account))


def _bare_rate() -> float:
    hasher = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)
    stored = hasher.hash(PLAYER.password)
    threads = min(os.cpu_count() or 1, 2)
    deadline = time.monotonic() + SECONDS

    def work(_: int) -> int:
        done = 0
        while time.monotonic() < deadline:
            hasher.verify(stored, PLAYER.password)
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads))) / SECONDS


def _p99_ms(http: httpx.Client, profile: Call) -> float:
    """Of a call that is made now and then, a hundred times a second at most."""
    taken = []
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        started = time.perf_counter()
        profile.answer(http)
        taken.append((time.perf_counter() - started) * 1000)
        time.sleep(0.01)
    return statistics.quantiles(taken, n=100)[98]
