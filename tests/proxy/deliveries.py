"""Deliveries, ordered as installation-service does."""

import uuid
from collections.abc import Mapping
from typing import Any

from cathouse.identity import KeyUse
from cathouse.schema import (
    LifecycleEventType,
)
from tests.fixtures.erasures import service_headers
from tests.fixtures.house import House

DELIVERIES = "/internal/v1/deliveries"
HAPPENED_AT = "2026-11-25T14:00:00.123456+02:00"


def event(installation_id: str, kind: str = LifecycleEventType.CREATED) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "installation_id": installation_id,
        "event": kind,
        "created_at": HAPPENED_AT,
    }


async def deliver(house: House, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = service_headers(KeyUse.INSTALLATION_TO_PROXY, caller="installation", callee="proxy")
    answer = await house.call("proxy", "POST", DELIVERIES, body, headers=headers)
    result: dict[str, Any] = answer.json()
    assert set(result) == {"status_code", "proxy_error", "duration_ms", "acknowledged", "give_up", "retry_after_s"}
    return result


def outcome(result: Mapping[str, Any]) -> tuple[int | None, str | None, bool, bool]:
    return result["status_code"], result["proxy_error"], result["acknowledged"], result["give_up"]
