"""Lists of tasks: filters, pages, cursors."""

import uuid
from typing import Any

import pytest
from sqlalchemy import text

from tests.fixtures.house import House, Person, directly
from tests.installation.tasks.calls import CATS, MINE, Headers, let_pass, listed, make, soon


async def seeded(house: House, player: Person, cat: Headers) -> None:
    """Tasks of which each filter finds some; the last one is the newest."""
    late = await make(house, player.headers, title="late", priority="high", due_date=soon(hours=1), tags=["a", "b"])
    let_pass(house, late)
    await make(house, player.headers, title="near", priority="high", due_date=soon(hours=1), tags=["a"])
    await make(house, player.headers, title="far", priority="low", due_date=soon(days=9), tags=["b", "c"])
    await make(house, player.headers, title="done", status="completed", due_date=soon(hours=1), tags=["a"])
    await make(house, cat, path=CATS, title="cat's", priority="high", tags=["a", "b"])


async def test_filters_narrow_and_combine(house: House, player: Person, home: dict[str, Any], cat: Headers) -> None:
    await seeded(house, player, cat)
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
