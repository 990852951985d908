"""Tasks, as a player and a cat call for them."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update

from cathouse.schema import PermissionType, PermissionUse, Task
from tests.fixtures.house import House

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
