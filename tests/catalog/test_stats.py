"""How a cat is doing, for its owner."""

import datetime as dt
import uuid
from typing import Any

from cathouse.schema import Interaction
from tests.fixtures.erasures import add
from tests.fixtures.house import House

NOW = dt.datetime.now(dt.UTC)


def interaction(installed: dict[str, Any], *, days_ago: int, error: str | None = None) -> Interaction:
    return Interaction(
        installation_id=uuid.UUID(installed["id"]),
        cat_id=uuid.UUID(installed["cat"]["id"]),
        kind="interaction",
        status_code=502 if error else 200,
        proxy_error=error,
        duration_ms=1,
        at=NOW - dt.timedelta(days=days_ago),
    )


async def test_installations_and_days_are_counted(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    players = [await house.register() for _ in range(3)]
    installed = [await house.install(player, cat) for player in players]
    await house.call("installation", "POST", f"/api/v1/installations/{installed[1]['id']}/pause", person=players[1])
    await house.call(
        "installation", "DELETE", f"/api/v1/installations/{installed[2]['id']}", person=players[2], expect=204
    )
    add(
        house.engine,
        interaction(installed[0], days_ago=0),
        interaction(installed[0], days_ago=3),
        interaction(installed[1], days_ago=3, error="http_response_timeout"),
        interaction(installed[1], days_ago=3, error="client_left"),
        interaction(installed[1], days_ago=40),
    )
    stats = (await house.call("catalog", "GET", f"/api/v1/cats/{cat['id']}/stats", person=developer)).json()
    assert stats["installations"] == {"active": 1, "paused": 1, "uninstalled": 1}
    assert len(stats["days"]) == 30
    assert stats["days"][-1] == {"date": NOW.date().isoformat(), "interactions": 1, "failures": 0}
    assert stats["days"][-4] == {
        "date": (NOW - dt.timedelta(days=3)).date().isoformat(),
        "interactions": 3,
        "failures": 1,
    }
    assert sum(day["interactions"] for day in stats["days"]) == 4


async def test_only_the_owner_sees_them_and_a_key_may(house: House) -> None:
    developer, other, player = (
        await house.register("developer"),
        await house.register("developer"),
        await house.register(),
    )
    cat = await house.draft(developer)
    path = f"/api/v1/cats/{cat['id']}/stats"
    empty = (await house.call("catalog", "GET", path, person=developer)).json()
    assert empty["installations"] == {"active": 0, "paused": 0, "uninstalled": 0}
    await house.call("catalog", "GET", path, person=other, expect=404)
    await house.call("catalog", "GET", path, person=player, expect=403)
    await house.call("catalog", "GET", path, expect=401)
    for scope, expected in (("developer:read", 200), ("catalog:write", 403)):
        key = {"name": "stats", "scopes": [scope]}
        made = (await house.call("auth", "POST", "/api/v1/api-keys", key, person=developer, expect=201)).json()
        token = (await house.call("auth", "POST", "/api/v1/auth/api-key", {"api_key": made["key"]})).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        await house.call("catalog", "GET", path, headers=headers, expect=expected)
