"""Tasks: what a player may note, change and remove."""

import datetime as dt
import uuid
from typing import Any

import pytest

from tests.fixtures.house import House, Person, directly
from tests.installation.tasks.calls import CATS, MINE, Headers, change, let_pass, listed, make, moment, read, soon, uses


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
