"""Tasks that are made, changed and removed several times at once."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from cathouse.schema import Task
from installation_service.tasks.service import MOST_TASKS
from tests.fixtures.cat_calls import token
from tests.fixtures.erasures import add
from tests.fixtures.house import House, Person
from tests.installation.tasks.calls import CATS, GRANTS, MAY, MINE, Headers, listed, make, read, soon, uses


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


def old_tasks(home: Mapping[str, Any], player: Person, many: int) -> list[Task]:
    return [
        Task(user_id=player.id, installation_id=uuid.UUID(home["id"]), title=f"old {number}") for number in range(many)
    ]


async def test_the_number_of_a_cats_tasks_is_exact_also_when_many_are_made_at_once(
    house: House, player: Person, home: dict[str, Any], cat: Headers
) -> None:
    add(house.engine, *old_tasks(home, player, MOST_TASKS - 5), Task(user_id=player.id, title="the player's own"))
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


async def test_parallel_changes_lose_nothing_of_one_another(house: House, player: Person, cat: Headers) -> None:
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
