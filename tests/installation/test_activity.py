"""What proxy-service reports of interactions."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from cathouse.identity import KeyUse
from cathouse.schema import Interaction
from tests.fixtures.erasures import service_headers
from tests.fixtures.house import House, directly

REPORTS = "/internal/v1/interactions"


async def report(house: House, *reports: dict[str, Any], expect: int = 204) -> None:
    headers = service_headers(KeyUse.PROXY_TO_INSTALLATION, caller="proxy", callee="installation")
    await house.call("installation", "POST", REPORTS, {"interactions": list(reports)}, headers=headers, expect=expect)


@pytest.fixture
async def good(house: House) -> dict[str, Any]:
    installed = await house.install(await house.register(), await house.publish(await house.register("developer")))
    return {
        "id": str(uuid.uuid4()),
        "installation_id": installed["id"],
        "cat_id": installed["cat"]["id"],
        "kind": "interaction",
        "status_code": 200,
        "proxy_error": None,
        "duration_ms": 12,
        "bytes_in": 1,
        "bytes_out": 1,
        "at": "2026-11-21T12:00:00Z",
    }


def kept(house: House) -> set[str]:
    with house.engine.connect() as connection:
        return {str(each) for each in connection.scalars(select(Interaction.id))}


async def test_a_report_that_names_another_cat_or_nobodys_does_not_stop_its_batch(
    house: House, good: dict[str, Any]
) -> None:
    foreign = {**good, "id": str(uuid.uuid4()), "cat_id": str(uuid.uuid4())}
    gone = {**good, "id": str(uuid.uuid4()), "installation_id": str(uuid.uuid4())}
    await report(house, foreign, good, gone, good)
    assert kept(house) == {good["id"]}


@directly
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("duration_ms", 2**31),
        ("bytes_in", 2**63),
        ("bytes_out", False),
        ("status_code", "200"),
        ("at", 0),
        ("at", "0001-01-01T00:00:00+23:59"),
    ],
)
async def test_what_no_column_can_hold_is_refused(house: House, good: dict[str, Any], member: str, value: Any) -> None:
    await report(house, {**good, member: value}, expect=422)
    assert kept(house) == set()
