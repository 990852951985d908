"""Tasks: what a player and the player's cats may note, find, change and remove."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from cathouse.schema import PermissionType, PermissionUse, Task
from installation_service.tasks.service import MOST_TASKS
from tests.factories.cats import STORAGE, TASKS
from tests.fixtures.cat_calls import token
from tests.fixtures.erasures import add
from tests.fixtures.house import House, Person, directly

MINE = "/api/v1/tasks"
CATS = "/api/v1/cat/tasks"
MAY = frozenset({PermissionType.STORAGE, PermissionType.TASKS})
GRANTS = {"storage": True, "tasks": True}

Headers = Mapping[str, str]


def soon(**distance: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(**distance)).isoformat()


def moment(answered: str) -> dt.datetime:
    assert answered.endswith("Z")
    return dt.datetime.fromisoformat(answered)


async def make(house: House, headers: Headers, *, path: str = MINE, **members: Any) -> dict[str, Any]:
    body = {"title": "Feed Misty", **members}
    made: dict[str, Any] = (await house.call("installation", "POST", path, body, headers=headers, expect=201)).json()
    return made


async def change(house: House, headers: Headers, task: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    path = f"{MINE}/{task['id']}"
    changed: dict[str, Any] = (await house.call("installation", "PATCH", path, members, headers=headers)).json()
    return changed


async def read(house: House, headers: Headers, task: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await house.call("installation", "GET", f"{MINE}/{task['id']}", headers=headers)).json()
    return found


async def listed(house: House, headers: Headers, query: str = "", *, path: str = MINE) -> list[str]:
    answer = await house.call("installation", "GET", f"{path}?{query}", headers=headers)
    return [task["title"] for task in answer.json()["items"]]


def let_pass(house: House, task: Mapping[str, Any]) -> None:
    """Make the task one that was due yesterday, as time would."""
    with house.engine.begin() as connection:
        yesterday = func.now() - dt.timedelta(days=1)
        connection.execute(update(Task).where(Task.id == uuid.UUID(task["id"])).values(due_date=yesterday))


def uses(house: House) -> list[str]:
    with house.engine.connect() as connection:
        query = select(PermissionUse.action).where(PermissionUse.permission_type == "tasks")
        return list(connection.scalars(query.order_by(PermissionUse.at)))


@pytest.fixture
async def player(house: House) -> Person:
    return await house.register()


@pytest.fixture
async def home(house: House, player: Person) -> dict[str, Any]:
    """The player's installation of a cat that may do things with tasks."""
    cat = await house.publish(await house.register("developer"), permissions=[STORAGE, TASKS])
    return await house.install(player, cat, grants=GRANTS)


@pytest.fixture
def cat(home: dict[str, Any]) -> Headers:
    return token(home, MAY)


async def test_a_task_is_made_read_changed_and_removed(house: House, player: Person) -> None:
    made = await make(house, player.headers)
    assert made == {
        "id": made["id"],
        "installation_id": None,
        "title": "Feed Misty",
        "description": None,
        "status": "pending",
        "priority": "medium",
        "due_date": None,
        "tags": [],
        "completed_at": None,
        "overdue": False,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    assert await read(house, player.headers, made) == made
    changes = {
        "title": "Feed Tibby",
        "description": "Salmon.",
        "priority": "high",
        "due_date": "2099-12-24T18:00:00+01:00",
        "tags": ["food"],
    }
    changed = await change(house, player.headers, made, **changes)
    assert moment(changed["updated_at"]) > moment(made["updated_at"])
    assert changed == {**made, **changes, "due_date": "2099-12-24T17:00:00Z", "updated_at": changed["updated_at"]}
    assert await read(house, player.headers, made) == changed
    path = f"{MINE}/{made['id']}"
    await house.call("installation", "DELETE", path, person=player, expect=204)
    for method, body in (("GET", None), ("PATCH", {"title": "x"}), ("PATCH", {}), ("DELETE", None)):
        answer = await house.call("installation", method, path, body, person=player, expect=404)
        assert answer.json()["code"] == "not_found"


@directly
async def test_what_is_at_the_edge_is_kept(house: House, player: Person) -> None:
    made = await make(house, player.headers, title=f"  {'ü' * 200}\n", description="🐈" * 5000)
    assert (made["title"], len(made["description"])) == ("ü" * 200, 5000)
    last = await make(house, player.headers, due_date="9999-12-31T23:59:59.999999Z", description="")
    assert (last["due_date"], last["description"]) == ("9999-12-31T23:59:59.999999Z", "")


@directly
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("title", ""),
        ("title", " \n"),
        ("title", "x" * 201),
        ("title", None),
        ("title", 1),
        ("description", "x" * 5001),
        ("description", 1),
        ("status", "done"),
        ("status", None),
        ("priority", "urgent"),
        ("priority", None),
        ("due_date", "2099-01-01T00:00:00"),
        ("due_date", "2099-01-01"),
        ("due_date", 4_070_908_800),
        ("due_date", "4070908800"),
        ("due_date", "tomorrow"),
        ("tags", None),
        ("tags", "food"),
        ("tags", [""]),
        ("tags", ["food", " \t"]),
        ("tags", ["x" * 11]),
        ("tags", [1]),
        ("tags", [None]),
        ("tags", [f"tag-{number}" for number in range(21)]),
        ("installation_id", str(uuid.UUID(int=1))),
        ("completed_at", "2026-01-01T00:00:00Z"),
        ("anything", 1),
    ],
)
async def test_what_is_no_task_is_refused(house: House, player: Person, member: str, value: Any) -> None:
    task = await make(house, player.headers)
    good = {"title": "Feed Misty"}
    for method, path, body in (
        ("POST", MINE, {**good, member: value}),
        ("PATCH", f"{MINE}/{task['id']}", {member: value}),
    ):
        answer = await house.call("installation", method, path, body, person=player, expect=422)
        assert answer.json()["code"] == "validation_failed"
        assert answer.json()["errors"][0]["location"].startswith(f"body.{member}")
    assert await read(house, player.headers, task) == task
    assert await listed(house, player.headers) == ["Feed Misty"]


@directly
async def test_a_task_needs_a_title(house: House, player: Person) -> None:
    answer = await house.call("installation", "POST", MINE, {}, person=player, expect=422)
    assert answer.json()["errors"][0]["location"] == "body.title"


async def test_titles_need_not_differ(house: House, player: Person) -> None:
    assert (await make(house, player.headers))["id"] != (await make(house, player.headers))["id"]
    assert await listed(house, player.headers) == ["Feed Misty", "Feed Misty"]


@directly
async def test_tags_are_kept_folded_and_once_in_their_order(house: House, player: Person) -> None:
    made = await make(house, player.headers, tags=[" Food", "misty", "FOOD ", "a b", "🐈" * 10])
    assert made["tags"] == ["food", "misty", "a b", "🐈" * 10]
    twenty = [f"tag-{number}" for number in range(20)]
    changed = await change(house, player.headers, made, tags=[*twenty, *(tag.upper() for tag in twenty)])
    assert changed["tags"] == twenty
    assert (await change(house, player.headers, made, tags=[]))["tags"] == []


async def test_a_due_date_is_not_in_the_past_when_it_is_given(house: House, player: Person, cat: Headers) -> None:
    later = soon(hours=1)
    task = await make(house, player.headers, due_date=later)
    assert moment(task["due_date"]) == dt.datetime.fromisoformat(later)
    cats = await make(house, cat, path=CATS, due_date=later)
    for past in (soon(seconds=-1), "2020-02-29T00:00:00+05:30", "0001-01-01T00:00:00Z"):
        for headers, method, path, body in (
            (player.headers, "POST", MINE, {"title": "x", "due_date": past}),
            (player.headers, "POST", MINE, {"title": "x", "due_date": past, "status": "completed"}),
            (player.headers, "PATCH", f"{MINE}/{task['id']}", {"title": "x", "due_date": past}),
            (cat, "POST", CATS, {"title": "x", "due_date": past}),
            (cat, "PATCH", f"{CATS}/{cats['id']}", {"title": "x", "due_date": past}),
        ):
            answer = await house.call("installation", method, path, body, headers=headers, expect=422)
            assert answer.json()["code"] == "due_date_past"
            assert [error["location"] for error in answer.json()["errors"]] == ["body.due_date"]
        unknown = f"{MINE}/{uuid.uuid4()}"
        await house.call("installation", "PATCH", unknown, {"due_date": past}, person=player, expect=404)
    assert await read(house, player.headers, task) == task
    assert await listed(house, player.headers) == ["Feed Misty", "Feed Misty"]
    assert uses(house) == ["create"]


async def test_a_task_that_becomes_overdue_stays_valid(house: House, player: Person) -> None:
    task = await make(house, player.headers, due_date=soon(hours=1))
    assert task["overdue"] is False
    let_pass(house, task)
    late = await read(house, player.headers, task)
    assert late["overdue"] is True
    renamed = await change(house, player.headers, task, title="Feed Tibby", tags=["late"])
    assert (renamed["title"], renamed["due_date"], renamed["overdue"]) == ("Feed Tibby", late["due_date"], True)
    # What a form sends back unchanged is no new due date, in whatever zone it is written.
    as_it_is = moment(late["due_date"]).astimezone(dt.timezone(dt.timedelta(hours=5))).isoformat()
    whole = await change(house, player.headers, task, title="Feed both", due_date=as_it_is)
    assert (whole["title"], whole["due_date"]) == ("Feed both", late["due_date"])
    other = (moment(late["due_date"]) + dt.timedelta(microseconds=1)).isoformat()
    path = f"{MINE}/{task['id']}"
    await house.call("installation", "PATCH", path, {"due_date": other}, person=player, expect=422)
    done = await change(house, player.headers, task, status="completed")
    assert done["overdue"] is False
    assert (await change(house, player.headers, task, status="pending"))["overdue"] is True
    assert (await change(house, player.headers, task, due_date=soon(hours=1)))["overdue"] is False
    assert (await change(house, player.headers, task, due_date=None))["due_date"] is None
    await house.call("installation", "PATCH", path, {"due_date": other}, person=player, expect=422)


async def test_completed_at_follows_the_status(house: House, player: Person) -> None:
    task = await make(house, player.headers)
    done = await change(house, player.headers, task, status="completed")
    assert moment(done["completed_at"]) >= moment(task["created_at"])
    again = await change(house, player.headers, task, status="completed", title="Fed")
    assert (again["title"], again["completed_at"]) == ("Fed", done["completed_at"])
    renamed = await change(house, player.headers, task, title="Fed well")
    assert (renamed["status"], renamed["completed_at"]) == ("completed", done["completed_at"])
    undone = await change(house, player.headers, task, status="pending")
    assert (undone["status"], undone["completed_at"]) == ("pending", None)
    redone = await change(house, player.headers, task, status="completed")
    assert moment(redone["completed_at"]) > moment(done["completed_at"])


async def test_a_task_may_be_made_as_done(house: House, player: Person) -> None:
    done = await make(house, player.headers, status="completed")
    assert (done["status"], done["completed_at"]) == ("completed", done["created_at"])


async def test_what_is_left_out_stays_and_null_takes_away(house: House, player: Person) -> None:
    task = await make(house, player.headers, description="Salmon.", due_date=soon(hours=1), tags=["food"])
    assert await change(house, player.headers, task) == task
    cleared = await change(house, player.headers, task, description=None, due_date=None)
    expected = {**task, "description": None, "due_date": None, "updated_at": cleared["updated_at"]}
    assert cleared == expected


async def seeded(house: House, player: Person, home: Mapping[str, Any], cat: Headers) -> None:
    """Tasks of which each filter finds some; the last one is the newest."""
    late = await make(house, player.headers, title="late", priority="high", due_date=soon(hours=1), tags=["a", "b"])
    let_pass(house, late)
    await make(house, player.headers, title="near", priority="high", due_date=soon(hours=1), tags=["a"])
    await make(house, player.headers, title="far", priority="low", due_date=soon(days=9), tags=["b", "c"])
    await make(house, player.headers, title="done", status="completed", due_date=soon(hours=1), tags=["a"])
    await make(house, cat, path=CATS, title="cat's", priority="high", tags=["a", "b"])


async def test_filters_narrow_and_combine(house: House, player: Person, home: dict[str, Any], cat: Headers) -> None:
    await seeded(house, player, home, cat)
    soonest = f"due_before={soon(days=1).replace('+', '%2B')}"
    for query, expected in (
        ("", ["cat's", "done", "far", "near", "late"]),
        ("status=pending", ["cat's", "far", "near", "late"]),
        ("status=completed", ["done"]),
        ("priority=high", ["cat's", "near", "late"]),
        ("tag=a", ["cat's", "done", "near", "late"]),
        ("tag=%20A&tag=b", ["cat's", "late"]),
        ("tag=a&tag=c", []),
        ("tag=", []),
        (soonest, ["done", "near", "late"]),
        ("due_before=2099-01-01T00:00:00Z", ["done", "far", "near", "late"]),
        ("overdue=true", ["late"]),
        ("overdue=false", ["cat's", "done", "far", "near"]),
        (f"installation_id={home['id']}", ["cat's"]),
        (f"installation_id={uuid.uuid4()}", []),
        (f"status=pending&priority=high&tag=a&overdue=false&{soonest}", ["near"]),
        ("status=completed&overdue=true", []),
        (f"installation_id={home['id']}&tag=a&tag=b&priority=high", ["cat's"]),
    ):
        assert await listed(house, player.headers, query) == expected, query
    assert await listed(house, cat, "priority=high&tag=a", path=CATS) == ["cat's"]
    assert await listed(house, cat, "priority=low", path=CATS) == []


@directly
@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "priority=urgent",
        "overdue=perhaps",
        "due_before=2099-01-01T00:00:00",
        "due_before=soon",
        "due_before=4070908800",
        "installation_id=x",
        "tag=%00",
        "&".join(["tag=a"] * 21),
        "limit=0",
    ],
)
async def test_what_is_no_filter_is_refused(house: House, player: Person, query: str) -> None:
    answer = await house.call("installation", "GET", f"{MINE}?{query}", person=player, expect=422)
    assert answer.json()["code"] == "validation_failed"


async def test_pages_are_stable_and_a_cursor_is_bound_to_its_filters(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    for number in range(5):
        await make(house, cat, path=CATS, title=f"task {number}", tags=["a"])
    for path, headers in ((MINE, player.headers), (CATS, cat)):
        url = f"{path}?tag=a&status=pending&limit=2"
        seen, cursor = [], None
        while True:
            page = await house.call(
                "installation", "GET", url + (f"&cursor={cursor}" if cursor else ""), headers=headers
            )
            seen += [task["title"] for task in page.json()["items"]]
            cursor = page.json()["next_cursor"]
            if cursor is None:
                break
            await make(house, player.headers, title="newer", tags=["a"])
            for other in (
                "",
                "tag=a",
                "tag=a&status=completed",
                "tag=a&status=pending&priority=high",
                "tag=a&tag=b&status=pending",
                "tag=a&status=pending&overdue=false",
                "tag=a&status=pending&due_before=2099-01-01T00:00:00Z",
                *([f"tag=a&status=pending&installation_id={home['id']}"] if path == MINE else []),
            ):
                query = f"{path}?{other}&cursor={cursor}"
                refused = await house.call("installation", "GET", query, headers=headers, expect=400)
                assert refused.json()["code"] == "cursor_mismatch"
        assert seen == [f"task {number}" for number in reversed(range(5))]
        with house.engine.begin() as connection:
            connection.execute(text("DELETE FROM cathouse.tasks WHERE title = 'newer'"))


async def test_players_do_not_see_one_anothers_tasks(house: House, player: Person) -> None:
    task, other = await make(house, player.headers), await house.register()
    path = f"{MINE}/{task['id']}"
    for method, body in (("GET", None), ("PATCH", {"title": "x"}), ("PATCH", {}), ("DELETE", None)):
        answer = await house.call("installation", method, path, body, person=other, expect=404)
        assert answer.json()["code"] == "not_found"
    assert await listed(house, other.headers) == []
    assert await read(house, player.headers, task) == task
    await house.call("installation", "GET", MINE, expect=401)
    await house.call("installation", "POST", MINE, {"title": "x"}, expect=401)


async def test_a_cat_makes_tasks_that_are_the_players(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    made = await make(house, cat, path=CATS, due_date=soon(hours=1), tags=["Food"])
    assert (made["installation_id"], made["tags"]) == (home["id"], ["food"])
    assert await read(house, player.headers, made) == made
    path = f"{CATS}/{made['id']}"
    assert (await house.call("installation", "GET", path, headers=cat)).json() == made
    done = (await house.call("installation", "PATCH", path, {"status": "completed"}, headers=cat)).json()
    assert done["completed_at"] is not None
    assert (await house.call("installation", "PATCH", path, {}, headers=cat)).json() == done
    assert await listed(house, cat, path=CATS) == ["Feed Misty"]
    assert uses(house) == ["create", "update", "update"]
    undone = await change(house, player.headers, made, status="pending", title="Feed Tibby")
    assert (undone["title"], undone["completed_at"], undone["installation_id"]) == ("Feed Tibby", None, home["id"])
    await house.call("installation", "DELETE", path, headers=cat, expect=405)
    await house.call("installation", "DELETE", f"{MINE}/{made['id']}", person=player, expect=204)
    await house.call("installation", "PATCH", path, {"title": "x"}, headers=cat, expect=404)
    assert uses(house) == ["create", "update", "update"]


async def test_what_cats_read_is_noted(house: House, cat: Headers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installation_service.activity.uses.GATHER_S", 0.0)
    made = await make(house, cat, path=CATS)
    await listed(house, cat, path=CATS)
    await house.call("installation", "GET", f"{CATS}/{made['id']}", headers=cat)
    async with asyncio.timeout(10):
        while len(uses(house)) < 3:  # noqa: ASYNC110 - what a worker of the service writes
            await asyncio.sleep(0.05)
    assert sorted(uses(house)) == ["create", "get", "list"]


async def test_a_cat_sees_its_own_installations_tasks_only(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    mine, cats = await make(house, player.headers), await make(house, cat, path=CATS)
    again = await house.install(player, {"id": home["cat"]["id"]}, instance_name="Smoky", grants=GRANTS)
    strangers = await house.install(await house.register(), {"id": home["cat"]["id"]}, grants=GRANTS)
    for headers, task in (
        (cat, mine),
        (token(again, MAY), mine),
        (token(again, MAY), cats),
        (token(strangers, MAY), cats),
    ):
        path = f"{CATS}/{task['id']}"
        await house.call("installation", "GET", path, headers=headers, expect=404)
        for body in ({"title": "x"}, {}):
            answer = await house.call("installation", "PATCH", path, body, headers=headers, expect=404)
            assert answer.json()["code"] == "not_found"
    assert await listed(house, token(again, MAY), path=CATS) == []
    assert await listed(house, cat, path=CATS) == ["Feed Misty"]
    assert await read(house, player.headers, cats) == cats


def calls_of_cats(task: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any] | None]]:
    return [
        ("GET", CATS, None),
        ("POST", CATS, {"title": "x"}),
        ("GET", f"{CATS}/{task['id']}", None),
        ("PATCH", f"{CATS}/{task['id']}", {"title": "x"}),
        ("PATCH", f"{CATS}/{task['id']}", {}),
    ]


async def test_a_cat_that_lost_the_permission_does_nothing_more_with_its_old_token(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    task = await make(house, cat, path=CATS)
    path = f"/api/v1/installations/{home['id']}/permissions/tasks"
    await house.call("installation", "PUT", path, {"granted": False}, person=player)
    for method, call, body in calls_of_cats(task):
        answer = await house.call("installation", method, call, body, headers=cat, expect=403)
        assert (answer.json()["code"], answer.json()["permission_type"]) == ("permission_not_granted", "tasks")
    assert await listed(house, player.headers) == ["Feed Misty"]
    assert uses(house) == ["create"]
    await house.call("installation", "PUT", path, {"granted": True}, person=player)
    narrow = token(home, frozenset({PermissionType.STORAGE}))
    for method, call, body in calls_of_cats(task):
        await house.call("installation", method, call, body, headers=narrow, expect=403)
    for headers in ({}, player.headers):
        await house.call("installation", "GET", CATS, headers=headers, expect=401)


@pytest.mark.parametrize("move", ["pause", "uninstall"])
async def test_a_cat_whose_installation_is_not_active_is_nobody_and_its_tasks_stay(
    house: House, player: Person, home: dict[str, Any], cat: Headers, move: str
) -> None:
    task = await make(house, cat, path=CATS)
    path = f"/api/v1/installations/{home['id']}"
    if move == "pause":
        await house.call("installation", "POST", f"{path}/pause", person=player)
    else:
        await house.call("installation", "DELETE", path, person=player, expect=204)
    for method, call, body in calls_of_cats(task):
        answer = await house.call("installation", method, call, body, headers=cat, expect=401)
        assert answer.json()["code"] == "installation_not_active"
    changed = await change(house, player.headers, task, status="completed")
    assert (changed["installation_id"], changed["title"]) == (home["id"], "Feed Misty")


async def test_a_repeated_creation_has_the_first_ones_answer_also_when_its_time_is_over(
    house: House, player: Person, cat: Headers
) -> None:
    body = {"title": "Feed Misty", "due_date": soon(seconds=3)}
    due = dt.datetime.fromisoformat(body["due_date"])
    calls = [(MINE, {**player.headers, "Idempotency-Key": "k"}), (CATS, {**cat, "Idempotency-Key": "k"})]
    first = [
        (await house.call("installation", "POST", path, body, headers=headers, expect=201)).json()
        for path, headers in calls
    ]
    assert first[0]["installation_id"] is None
    assert first[1]["installation_id"] is not None
    await asyncio.sleep(max(0.0, (due - dt.datetime.now(dt.UTC)).total_seconds()))
    for (path, headers), made in zip(calls, first, strict=True):
        again = await house.call("installation", "POST", path, body, headers=headers, expect=201)
        assert again.json() == made
        other = await house.call(
            "installation", "POST", path, {**body, "title": "Feed Tibby"}, headers=headers, expect=422
        )
        assert other.json()["code"] == "idempotency_key_reused"
    assert len(await listed(house, player.headers)) == 2


def rows(home: Mapping[str, Any], player: Person, many: int) -> list[Task]:
    return [
        Task(user_id=player.id, installation_id=uuid.UUID(home["id"]), title=f"old {number}") for number in range(many)
    ]


async def test_the_number_of_a_cats_tasks_is_exact_also_when_many_are_made_at_once(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    add(house.engine, *rows(home, player, MOST_TASKS - 5), Task(user_id=player.id, title="the player's own"))
    answers = await asyncio.gather(
        *(
            house.call("installation", "POST", CATS, {"title": f"new {number}"}, headers=cat, expect=None)
            for number in range(16)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 11
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"task_quota"}
    assert uses(house) == ["create"] * 5
    made = next(answer.json() for answer in answers if answer.status_code == 201)
    # The limit is of this installation's cat alone, and what is there may change.
    await house.call("installation", "PATCH", f"{CATS}/{made['id']}", {"status": "completed"}, headers=cat)
    await make(house, player.headers)
    again = await house.install(player, {"id": home["cat"]["id"]}, instance_name="Smoky", grants=GRANTS)
    await make(house, token(again, MAY), path=CATS)
    await house.call("installation", "POST", CATS, {"title": "x"}, headers=cat, expect=409)
    await house.call("installation", "DELETE", f"{MINE}/{made['id']}", person=player, expect=204)
    await make(house, cat, path=CATS)
    await house.call("installation", "POST", CATS, {"title": "x"}, headers=cat, expect=409)


async def test_parallel_changes_lose_nothing_of_one_another(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    task = await make(house, cat, path=CATS)
    changes: list[dict[str, Any]] = [
        {"title": "Feed Tibby"},
        {"description": "Salmon."},
        {"priority": "high"},
        {"tags": ["food"]},
        {"due_date": "2099-12-24T17:00:00Z"},
        *[{"status": "completed"}] * 4,
    ]
    sending: Callable[[int, dict[str, Any]], Any] = lambda number, body: house.call(  # noqa: E731 - two ways in turn
        "installation",
        "PATCH",
        f"{(MINE, CATS)[number % 2]}/{task['id']}",
        body,
        headers=(player.headers, cat)[number % 2],
    )
    answers = await asyncio.gather(*(sending(number, body) for number, body in enumerate(changes)))
    now = await read(house, player.headers, task)
    for body in changes:
        assert now.items() >= body.items()
    done = {answer.json()["completed_at"] for answer in answers} - {None}
    assert done == {now["completed_at"]}


async def test_of_parallel_removals_one_finds_the_task(house: House, player: Person) -> None:
    task = await make(house, player.headers)
    answers = await asyncio.gather(
        *(house.call("installation", "DELETE", f"{MINE}/{task['id']}", person=player, expect=None) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404, 404]
