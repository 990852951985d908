"""P4: log-ins a second against the bare Argon2id rate on the same cores; what it does to everybody else meanwhile."""

import asyncio
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from argon2 import PasswordHasher

from auth_service.accounts.passwords import ITERATIONS, MEMORY_KIB, PARALLELISM
from benchmarks.figures import Figure, checkout, running
from cathouse.local.seed_data import PLAYER

ROUNDS = 3
SECONDS = 3.0
CLIENTS = 8


def measure() -> list[Figure]:
    """Bare and whole in turn, medians over the rounds."""
    with checkout() as folder, running(folder) as stack:
        url = stack.urls["auth"]
        bare, whole, idle, busy = [], [], [], []
        for _ in range(ROUNDS):
            bare.append(_bare_rate())
            idle.append(asyncio.run(_profile_p99(url, logging_in=False))[1])
            rate, p99 = asyncio.run(_profile_p99(url, logging_in=True))
            whole.append(rate)
            busy.append(p99)
    ratio = statistics.median(rate / reference for rate, reference in zip(whole, bare, strict=True))
    slower = statistics.median(b / i for b, i in zip(busy, idle, strict=True))
    return [
        Figure("P4", "bare Argon2id verifications", statistics.median(bare), "/s"),
        Figure("P4", "log-ins over HTTP", statistics.median(whole), "/s"),
        Figure("P4", "log-ins / bare Argon2id", ratio, "", "≥ 0.9"),
        Figure("P4", "GET /users/me p99 while logging in / idle", slower, "", "≤ 5"),
    ]


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


async def _profile_p99(url: str, *, logging_in: bool) -> tuple[float, float]:
    body = {"email": PLAYER.email, "password": PLAYER.password}
    limits = httpx.Limits(max_connections=CLIENTS + 1)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, limits=limits) as http:
        tokens = (await http.post("/api/v1/auth/login", json=body)).raise_for_status().json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        deadline = time.monotonic() + SECONDS

        async def log_in(number: int) -> int:
            # Each its own account: attempts are counted before they are checked, so many at once look like guessing.
            own = {"email": f"bench-{number}@example.com", "password": PLAYER.password * 2}
            await http.post(
                "/api/v1/auth/register", json={**own, "display_name": "Bench"}
            )  # 409 from the second round on
            done = 0
            while time.monotonic() < deadline:
                (await http.post("/api/v1/auth/login", json=own)).raise_for_status()
                done += 1
            return done

        async def look() -> list[float]:
            taken = []
            while time.monotonic() < deadline:
                started = time.perf_counter()
                (await http.get("/api/v1/users/me", headers=headers)).raise_for_status()
                taken.append(time.perf_counter() - started)
                await asyncio.sleep(0.01)
            return taken

        looking = asyncio.create_task(look())
        done = await asyncio.gather(*(log_in(number) for number in range(CLIENTS))) if logging_in else [0]
        return sum(done) / SECONDS, statistics.quantiles(await looking, n=100)[98]
