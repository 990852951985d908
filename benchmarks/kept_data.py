"""L3: calls that read or write what installation-service keeps, with 1,000 and 1,000,000 interactions and values."""

import asyncio
import datetime as dt
import random
import secrets
import statistics
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from benchmarks.figures import Figure, checkout, running
from benchmarks.homes import Home, settle
from benchmarks.kept_rows import Watched, keep
from cathouse.database import Database, DatabaseSettings, DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.database.units import Unit
from cathouse.identity import Keyring, KeyUse, derive, issue_service_token, parse_roots
from cathouse.local.stack import Stack
from cathouse.local.state import LocalState
from installation_service.activity.repository import remove_old_interactions, remove_old_uses

SIZES = (1_000, 1_000_000)
CATS = 1_000
ROUNDS = 60
FIRST_ROUNDS = 10
"""Not counted: until then statements are prepared and pages are read from the disk."""

DEEP_PAGES = 20
REPORTED_AT_ONCE = 50
MOST_RATIO = "≤ 1.5"

Call = Callable[[], httpx.Response]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who calls, and what is watched."""

    http: httpx.Client
    home: Home
    watched: Watched
    developer: str
    proxy_keys: Keyring

    def get(self, path: str, token: str, **params: str) -> Call:
        """A read, with the bearer token of who reads."""
        headers = {"Authorization": f"Bearer {token}"}
        return lambda: self.http.get(path, params=params, headers=headers)

    def pages(self, kind: str, path: str, token: str, **params: str) -> Mapping[str, Call]:
        """The first page of a list, and one far behind: the twentieth, or the last that is full."""
        asked = {**params, "limit": "20"}
        cursor = ""
        for _ in range(DEEP_PAGES):
            given = {"cursor": cursor} if cursor else {}
            page = self.get(path, token, **asked, **given)().raise_for_status().json()
            following = page["next_cursor"]
            if following is None:
                break
            cursor = following
        return {
            kind: self.get(path, token, **asked),
            f"{kind}, far behind": self.get(path, token, **asked, cursor=cursor),
        }

    def report(self) -> httpx.Response:
        """What proxy-service reports of some interactions, each for the first time."""
        report = {
            "installation_id": str(self.watched.installation_id),
            "cat_id": str(self.watched.cat_id),
            "kind": "interaction",
            "status_code": 200,
            "proxy_error": None,
            "duration_ms": 20,
            "bytes_in": 100,
            "bytes_out": 100,
            "at": dt.datetime.now(dt.UTC).isoformat(),
        }
        reports = [{**report, "id": str(uuid.uuid4())} for _ in range(REPORTED_AT_ONCE)]
        token = issue_service_token(self.proxy_keys, caller="proxy", callee="installation")
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.post("/internal/v1/interactions", json={"interactions": reports}, headers=headers)

    def put(self) -> httpx.Response:
        """A cat stores a value anew."""
        headers = {"Authorization": f"Bearer {self.home.callback_token}"}
        return self.http.put("/api/v1/cat/storage/mood/7", json={"purrs": random.randrange(100)}, headers=headers)

    def calls(self) -> Mapping[str, Call]:
        """One of each kind."""
        player, cat, home = self.home.access_token, self.home.callback_token, self.watched.installation_id
        of_the_cat = f"/api/v1/developer/cats/{self.watched.cat_id}"
        return {
            **self.pages("activity", f"/api/v1/installations/{home}/activity", player),
            **self.pages("a cat's interactions", f"{of_the_cat}/interactions", self.developer),
            **self.pages("a cat's installations", f"{of_the_cat}/installations", self.developer),
            **self.pages("a player's installations", "/api/v1/installations", player),
            **self.pages("inbox", "/api/v1/notifications", player),
            **self.pages("tasks", "/api/v1/tasks", player),
            **self.pages("tasks by status", "/api/v1/tasks", player, status="completed"),
            **self.pages("stored keys", "/api/v1/cat/storage", cat),
            "storage get": self.get("/api/v1/cat/storage/mood/7", cat),
            "storage put": self.put,
            f"report of {REPORTED_AT_ONCE} interactions": self.report,
        }


def measure() -> list[Figure]:
    """One stack after the other; in each, rounds of one call of each kind in shuffled order, and their medians."""
    found = {size: _medians(size) for size in SIZES}
    small, large = SIZES
    figures = []
    for kind, least in found[small].items():
        figures += [Figure("L3", f"{kind}, {size:,} kept", found[size][kind], "ms") for size in SIZES]
        figures.append(Figure("L3", f"{kind}, {large:,} / {small:,}", found[large][kind] / least, "", MOST_RATIO))
    return figures


def _medians(size: int) -> Mapping[str, float]:
    with checkout() as folder, running(folder) as stack:
        (home,) = settle(folder, stack, "http://127.0.0.1:9", players=1, cats=1, catalog=CATS)
        engine = make_migration_engine(stack.databases.migration)
        with engine.connect() as connection:
            owner = text("SELECT user_id, cat_id FROM cathouse.installations WHERE id = :id")
            user_id, cat_id = connection.execute(owner, {"id": home.installation_id}).one()
        watched = Watched(home.installation_id, user_id, cat_id)
        keep(engine, size, watched, in_haste=True)
        removals = asyncio.run(_removals(stack.databases.services["installation"]))
        roots = parse_roots(LocalState(folder).secret("PLATFORM_SECRET"))
        with httpx.Client(base_url=stack.urls["installation"], timeout=60, trust_env=False) as http:
            developer = _become_developer(stack, cat_id)
            scene = Scene(http, home, watched, developer, derive(roots, KeyUse.PROXY_TO_INSTALLATION))
            return {**_rounds(scene.calls(), random.Random(size)), **removals}


def _rounds(calls: Mapping[str, Call], chance: random.Random) -> Mapping[str, float]:
    times: dict[str, list[float]] = {kind: [] for kind in calls}
    for number in range(FIRST_ROUNDS + ROUNDS):
        for kind in chance.sample(list(calls), len(calls)):
            began = time.perf_counter()
            calls[kind]().raise_for_status()
            if number >= FIRST_ROUNDS:
                times[kind].append((time.perf_counter() - began) * 1000)
    return {kind: statistics.median(each) for kind, each in times.items()}


async def _removals(url: DatabaseUrl) -> Mapping[str, float]:
    """What a portion of each retention takes, the service's hourly work, as its own role does it."""
    settings = DatabaseSettings(_env_file=None, database_url=SecretStr(url.for_libpq()))
    database = Database.from_settings(settings, "installation")
    await database.open(attempts=1)
    try:
        return {
            "removing 500 old interactions": await _portions(database, remove_old_interactions),
            "removing 500 old uses of permissions": await _portions(database, remove_old_uses),
        }
    finally:
        await database.close()


async def _portions(database: Database, remove: Unit[int]) -> float:
    times: list[float] = []
    while True:
        began = time.perf_counter()
        if not await database.write(remove):
            return statistics.median(times)
        times.append((time.perf_counter() - began) * 1000)


def _become_developer(stack: Stack, cat_id: uuid.UUID) -> str:
    """The access token of a new developer whose cat it is from now on."""
    account = {"email": f"{uuid.uuid4().hex}@example.com", "password": secrets.token_urlsafe(16)}
    with httpx.Client(base_url=stack.urls["auth"], timeout=30, trust_env=False) as http:
        made = http.post("/api/v1/auth/register", json={**account, "display_name": "Tom"}).raise_for_status().json()
        with make_migration_engine(stack.databases.migration).begin() as connection:
            given = {"id": made["id"], "cat_id": cat_id}
            connection.execute(text("UPDATE cathouse.users SET role = 'developer' WHERE id = :id"), given)
            connection.execute(text("UPDATE cathouse.cats SET developer_id = :id WHERE id = :cat_id"), given)
        return str(http.post("/api/v1/auth/login", json=account).raise_for_status().json()["access_token"])
