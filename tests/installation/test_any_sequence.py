"""Whatever players, developers, operators and cats do, one after the other or at once: what must be true stays true."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, Engine, func, select

from cathouse.schema import (
    Cat,
    Installation,
    InstallationPermission,
    Notification,
    Permission,
    PermissionType,
    Release,
    StoredValue,
    Task,
)
from tests.factories.cats import NOTIFICATION, STORAGE, TASKS
from tests.fixtures.cat_calls import token
from tests.fixtures.house import House, Person, directly
from tests.installation.invariants import Invariants

INSTALLATIONS = "/api/v1/installations"
ALL = frozenset(PermissionType)
ENDS_WITH = {"active": "resume", "paused": "pause"}


@dataclass(frozen=True)
class Step:
    """One thing that somebody does; ``which`` and ``yes`` are what it is done with."""

    action: str
    which: int
    yes: bool


ACTIONS = (
    "install",
    "move",
    "move",
    "answer",
    "answer",
    "rename",
    "upgrade",
    "uninstall",
    "release",
    "suspend by developer",
    "suspend by operator",
    "suspend the cat",
    "put",
    "put",
    "delete",
    "notify",
    "task",
)

STEPS = st.builds(Step, st.sampled_from(ACTIONS), st.integers(0, 5), st.booleans())
ROUNDS = st.lists(st.lists(STEPS, min_size=1, max_size=4), min_size=3, max_size=12)
"""The steps of a round are done at once."""


@dataclass(frozen=True)
class Standing:
    """Whether a cat may call for an installation, and what for."""

    is_active: bool
    granted: frozenset[str]


NOBODY = Standing(is_active=False, granted=frozenset())


@dataclass
class Outcome:
    """What came of a step. ``touches`` is what it may have changed; ``holds`` is whether that can be seen."""

    answer: httpx.Response
    possible: set[int]
    touches: set[str] = field(default_factory=set)
    holds: Callable[[], bool] | None = None
    needs: tuple[str, PermissionType] | None = None
    """For a cat's calls: the installation and the permission."""


class World:
    """A cat, its developer, an admin and a player, with what they do."""

    def __init__(self, house: House, people: tuple[Person, Person, Person], cat: dict[str, Any]) -> None:
        self.house = house
        self.developer, self.admin, self.player = people
        self.cat = cat
        self.installed: list[dict[str, Any]] = []
        self.asks = {"storage", "notification"}
        self._versions = 1
        self._number = 0

    async def do(self, step: Step) -> Outcome | None:
        """Do it; None: there is nothing to do it with."""
        if step.action == "install":
            return await self._install(step)
        if step.action == "release":
            return await self._release(step)
        if step.action == "suspend the cat":
            return await self._suspend_the_cat(step)
        if not self.installed:
            return None
        doing: dict[str, Callable[[Step, dict[str, Any]], Awaitable[Outcome]]] = {
            "move": self._move,
            "answer": self._answer,
            "rename": self._rename,
            "upgrade": self._upgrade,
            "uninstall": self._uninstall,
            "suspend by developer": self._suspend_by_developer,
            "suspend by operator": self._suspend_by_operator,
            "put": self._put,
            "delete": self._delete,
            "notify": self._notify,
            "task": self._task,
        }
        # Mostly the newest one: the others may be uninstalled long since.
        return await doing[step.action](step, self.installed[-1 - step.which // 3 % len(self.installed)])

    async def _send(
        self, method: str, path: str, body: Any = None, *, by: Person | None = None, service: str = "installation",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        return await self.house.call(service, method, path, body, person=by, headers=headers, expect=None)

    def _is(self, query: Any, value: object) -> Callable[[], bool]:
        def look() -> bool:
            with self.house.engine.connect() as connection:
                return bool(connection.scalar(query) == value)

        return look

    def _column(self, installed: dict[str, Any], column: Any) -> Any:
        return select(column).where(Installation.id == installed["id"])

    async def _install(self, step: Step) -> Outcome:
        grants = {"storage": True, **dict.fromkeys(self.asks - {"storage"}, step.yes)}
        body = {"cat_id": self.cat["id"], "instance_name": f"Misty {step.which % 3}", "grants": grants}
        answer = await self._send("POST", INSTALLATIONS, body, by=self.player)
        if answer.status_code != 201:
            return Outcome(answer, {409, 422})
        self.installed.append(answer.json())
        return Outcome(answer, {201}, holds=self._is(self._column(answer.json(), func.count()), 1))

    async def _release(self, step: Step) -> Outcome:
        self._versions += 1
        version = f"{self._versions}.0.0"
        permissions = [STORAGE, {**NOTIFICATION, "required": step.yes}]
        if step.which % 3:
            permissions.append({**TASKS, "required": step.which % 3 == 2})
        body = {
            "version": version,
            "endpoint_url": f"{self.house.cat_url}/{self.cat['slug']}",
            "permissions": permissions,
        }
        path = f"/api/v1/cats/{self.cat['id']}"
        made = await self._send("POST", f"{path}/releases", body, by=self.developer, service="catalog")
        if made.status_code != 201:
            return Outcome(made, {409})
        body = {"version": version}
        answer = await self._send("POST", f"{path}/publish", body, by=self.developer, service="catalog")
        if answer.status_code != 200:
            return Outcome(answer, {409})
        self.asks = {str(each["permission_type"]) for each in permissions}
        published = select(Release.published_at.is_not(None)).where(
            Release.cat_id == self.cat["id"], Release.version == version
        )
        return Outcome(answer, {200}, {"release"}, self._is(published, value=True))

    async def _suspend_the_cat(self, step: Step) -> Outcome:
        # Rarely, and not for long: nothing goes on meanwhile.
        suspends = step.yes and step.which == 0
        action, body = ("suspend", {"reason": "It scratches."}) if suspends else ("reinstate", None)
        path = f"/api/v1/cats/{self.cat['id']}/{action}"
        answer = await self._send("POST", path, body, by=self.admin, service="catalog")
        status = select(Cat.status).where(Cat.id == self.cat["id"])
        expected = "suspended" if suspends else "published"
        return Outcome(answer, {200, 409}, {"standing"}, self._is(status, expected) if answer.is_success else None)

    async def _move(self, step: Step, installed: dict[str, Any]) -> Outcome:
        to = "active" if step.yes else "paused"
        path = f"{INSTALLATIONS}/{installed['id']}/{ENDS_WITH[to]}"
        answer = await self._send("POST", path, by=self.player)
        return Outcome(
            answer, {200, 409, 422}, {f"{installed['id']} standing"},
            self._is(self._column(installed, Installation.status), to),
        )  # fmt: skip

    async def _uninstall(self, _step: Step, installed: dict[str, Any]) -> Outcome:
        answer = await self._send("DELETE", f"{INSTALLATIONS}/{installed['id']}", by=self.player)
        status = self._column(installed, Installation.status)
        return Outcome(answer, {204}, {f"{installed['id']} standing"}, self._is(status, "uninstalled"))

    async def _answer(self, step: Step, installed: dict[str, Any]) -> Outcome:
        kind = ("storage", "notification", "tasks")[step.which % 3]
        path = f"{INSTALLATIONS}/{installed['id']}/permissions/{kind}"
        answer = await self._send("PUT", path, {"granted": step.yes}, by=self.player)
        granted = (
            select(InstallationPermission.granted)
            .join(Permission)
            .where(InstallationPermission.installation_id == installed["id"], Permission.permission_type == kind)
        )
        return Outcome(answer, {200, 404, 409}, {f"{installed['id']} standing"}, self._is(granted, step.yes))

    async def _rename(self, step: Step, installed: dict[str, Any]) -> Outcome:
        name = f"Misty {step.which % 3}"
        path = f"{INSTALLATIONS}/{installed['id']}"
        answer = await self._send("PATCH", path, {"instance_name": name}, by=self.player)
        query = self._column(installed, Installation.instance_name)
        return Outcome(answer, {200, 409}, {f"{installed['id']} name"}, self._is(query, name))

    async def _upgrade(self, step: Step, installed: dict[str, Any]) -> Outcome:
        path = f"{INSTALLATIONS}/{installed['id']}"
        offered = (await self._send("GET", path, by=self.player)).json()["upgrade_available"]
        version = offered["version"] if offered else "1.0.0"
        grants = dict.fromkeys(offered["asks_for"] if offered else (), True) if step.yes else {}
        answer = await self._send("POST", f"{path}/upgrade", {"version": version, "grants": grants}, by=self.player)
        if answer.is_success:
            assert answer.json()["version"] == version
        return Outcome(answer, {200, 409, 422}, {f"{installed['id']} standing"})

    async def _suspend_by_developer(self, step: Step, installed: dict[str, Any]) -> Outcome:
        path = f"/api/v1/developer/cats/{self.cat['id']}/installations/{installed['id']}"
        return await self._suspend(step, installed, path, self.developer, Installation.developer_suspended_at)

    async def _suspend_by_operator(self, step: Step, installed: dict[str, Any]) -> Outcome:
        path = f"/api/v1/admin/installations/{installed['id']}"
        return await self._suspend(step, installed, path, self.admin, Installation.operator_suspended_at)

    async def _suspend(
        self, step: Step, installed: dict[str, Any], path: str, by: Person, since: ColumnElement[Any] | Any
    ) -> Outcome:
        suspends = step.yes and step.which < 3
        action, body = ("suspend", {"reason": "It scratches."}) if suspends else ("reinstate", None)
        answer = await self._send("POST", f"{path}/{action}", body, by=by)
        lifted = self._is(self._column(installed, since.is_(None)), not suspends)
        return Outcome(answer, {200, 409}, {f"{installed['id']} standing"}, lifted)

    async def _call(
        self, installed: dict[str, Any], permission: PermissionType, method: str, path: str, body: Any = None
    ) -> Outcome:
        headers = token(installed, ALL)  # as old and as mighty as can be
        answer = await self._send(method, f"/api/v1/cat/{path}", body, headers=headers)
        return Outcome(answer, {200, 201, 204, 401, 403, 404, 429}, needs=(installed["id"], permission))

    async def _put(self, step: Step, installed: dict[str, Any]) -> Outcome:
        self._number += 1
        key, number = f"key-{step.which % 2}", self._number
        outcome = await self._call(installed, PermissionType.STORAGE, "PUT", f"storage/{key}", number)
        value = select(StoredValue.value).where(StoredValue.installation_id == installed["id"], StoredValue.key == key)
        outcome.touches, outcome.holds = {f"{installed['id']} {key}"}, self._is(value, number)
        return outcome

    async def _delete(self, step: Step, installed: dict[str, Any]) -> Outcome:
        key = f"key-{step.which % 2}"
        outcome = await self._call(installed, PermissionType.STORAGE, "DELETE", f"storage/{key}")
        count = select(func.count()).where(StoredValue.installation_id == installed["id"], StoredValue.key == key)
        outcome.touches, outcome.holds = {f"{installed['id']} {key}"}, self._is(count, 0)
        return outcome

    async def _notify(self, _step: Step, installed: dict[str, Any]) -> Outcome:
        body = {"title": "Dinner", "body": "It is time."}
        outcome = await self._call(installed, PermissionType.NOTIFICATION, "POST", "notifications", body)
        return self._made(outcome, Notification.id)

    async def _task(self, _step: Step, installed: dict[str, Any]) -> Outcome:
        outcome = await self._call(installed, PermissionType.TASKS, "POST", "tasks", {"title": "Buy fish."})
        return self._made(outcome, Task.id)

    async def calls_of_cats(self) -> list[Outcome]:
        """What cats do when nobody else does anything, for the installations that were made last."""
        steps = [Step("put", 0, yes=True), Step("task", 0, yes=True)]
        return [
            await (self._put(step, each) if step.action == "put" else self._task(step, each))
            for each in self.installed[-2:]
            for step in steps
        ]

    def _made(self, outcome: Outcome, column: Any) -> Outcome:
        if outcome.answer.status_code == 201:
            made = select(func.count()).where(column == uuid.UUID(outcome.answer.json()["id"]))
            outcome.holds = self._is(made, 1)
        return outcome


def standings(engine: Engine) -> dict[str, Standing]:
    """Of all installations, straight from the database."""
    granted = (
        select(func.array_agg(Permission.permission_type))
        .join(InstallationPermission, InstallationPermission.permission_id == Permission.id)
        .where(InstallationPermission.installation_id == Installation.id, InstallationPermission.granted)
        .correlate(Installation)
        .scalar_subquery()
    )
    is_active = (
        (Installation.status == "active")
        & Installation.developer_suspended_at.is_(None)
        & Installation.operator_suspended_at.is_(None)
        & (Cat.status != "suspended")
    )
    query = select(Installation.id, is_active, granted).join(Cat, Cat.id == Installation.cat_id)
    with engine.connect() as connection:
        return {str(row[0]): Standing(row[1], frozenset(row[2] or ())) for row in connection.execute(query)}


def check_call(outcome: Outcome, standing: Standing) -> None:
    """Hold a cat's call against where its installation stood all the time."""
    assert outcome.needs is not None
    answer = outcome.answer
    if not standing.is_active:
        assert (answer.status_code, answer.json().get("code")) == (401, "installation_not_active")
    elif outcome.needs[1] not in standing.granted:
        assert (answer.status_code, answer.json().get("code")) == (403, "permission_not_granted")
    else:
        assert answer.status_code not in (401, 403), answer.text


@directly
@given(rounds=ROUNDS)
@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=10,
    phases=[Phase.generate],  # what fails is short enough; looking for something shorter takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_what_must_be_true_stays_true(house: House, rounds: list[list[Step]]) -> None:
    world, invariants = await begin(house), Invariants(house.engine)
    for steps in [[Step("install", 0, yes=True)], *rounds]:
        before = standings(house.engine)
        outcomes = [each for each in await asyncio.gather(*(world.do(step) for step in steps)) if each is not None]
        invariants.check()
        touched = [what for each in outcomes for what in each.touches]
        for each in outcomes:
            answer = each.answer
            assert answer.status_code in each.possible, f"{answer.request.url} {answer.status_code} {answer.text}"
            if each.needs and not {"standing", f"{each.needs[0]} standing"} & set(touched):
                check_call(each, before[each.needs[0]])
            if answer.is_success and each.holds and all(touched.count(what) == 1 for what in each.touches):
                assert each.holds(), f"{answer.request.method} {answer.request.url} {answer.status_code}"
        after = standings(house.engine)
        for each in await world.calls_of_cats():
            check_call(each, after[each.needs[0]] if each.needs else NOBODY)
    await check_unread(world)


PEOPLE: dict[int, tuple[Person, Person, Person]] = {}
"""Of the house that runs: one set of people for all examples."""


async def begin(house: House) -> World:
    """A cat that nobody has yet."""
    people = PEOPLE.get(id(house))
    if people is None:
        people = await house.register("developer"), await house.admin(), await house.register()
        PEOPLE.clear()
        PEOPLE[id(house)] = people
    return World(house, people, await house.publish(people[0]))


async def check_unread(world: World) -> None:
    """What the player is told of the inbox is what is in it."""
    inbox = (await world.house.call("installation", "GET", "/api/v1/notifications", person=world.player)).json()
    unread = select(func.count()).where(Notification.user_id == world.player.id, Notification.read_at.is_(None))
    with world.house.engine.connect() as connection:
        assert inbox["unread_count"] == connection.scalar(unread)
