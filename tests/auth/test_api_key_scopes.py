"""What an API key's scopes open in the four services, route by route."""

import re
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from cathouse.database import DatabaseUrl
from cathouse.identity import Scope
from tests.factories.cats import cat_creation
from tests.fixtures.api_keys import claims_of, exchange, headers_of_key, make_key
from tests.fixtures.house import House, run_house

READS = {
    "catalog GET /api/v1/cats",
    "catalog GET /api/v1/cats/{cat_id}",
    "catalog GET /api/v1/cats/{cat_id}/permissions",
    "catalog GET /api/v1/cats/{cat_id}/releases",
    "catalog GET /api/v1/cats/{cat_id}/releases/{version}",
    "catalog GET /api/v1/cats/{cat_id}/similar",
}
WRITES = {
    "catalog POST /api/v1/cats",
    "catalog PATCH /api/v1/cats/{cat_id}",
    "catalog DELETE /api/v1/cats/{cat_id}",
    "catalog POST /api/v1/cats/{cat_id}/deprecate",
    "catalog POST /api/v1/cats/{cat_id}/releases",
    "catalog PATCH /api/v1/cats/{cat_id}/releases/{version}",
    "catalog POST /api/v1/cats/{cat_id}/publish",
    "catalog POST /api/v1/cats/{cat_id}/unpublish",
    "proxy POST /api/v1/cats/{cat_id}/test",
}
DEVELOPER_READS = {
    "catalog GET /api/v1/cats/{cat_id}/stats",
    "installation GET /api/v1/developer/cats/{cat_id}/events",
    "installation GET /api/v1/developer/cats/{cat_id}/installations",
    "installation GET /api/v1/developer/cats/{cat_id}/interactions",
}
OPENED: dict[str, set[str]] = {
    "catalog:read": READS,
    "catalog:write": READS | WRITES,
    "developer:read": DEVELOPER_READS,
}
"""All that keys may reach. A route that is added here was thought about."""


@pytest.fixture
async def one_house(clean_db: DatabaseUrl) -> AsyncIterator[House]:
    async with run_house(clean_db) as running:
        yield running


def persons_routes(house: House) -> Iterator[tuple[str, str, str]]:
    """Every route that looks at a person's token: service, method, path."""
    for service, app in house.apps.items():
        for path, operations in app.openapi()["paths"].items():
            for method, operation in operations.items():
                if any("Person" in each for each in operation.get("security", ())):
                    yield service, method.upper(), path


async def test_a_key_opens_what_its_scopes_say_and_no_other_route_of_any_service(one_house: House) -> None:
    house, developer = one_house, await one_house.register("developer")
    routes = list(persons_routes(house))
    assert {service for service, _, _ in routes} == {"auth", "catalog", "installation", "proxy"}
    assert len(routes) > 40
    assert OPENED.keys() == set(Scope)
    for scope, opened in OPENED.items():
        headers = await headers_of_key(house, developer, scope)
        reached = set()
        for service, method, path in routes:
            url = re.sub(r"\{\w+\}", str(uuid.uuid4()), path)
            body: dict[str, str] | None = None if method in ("GET", "DELETE") else {}
            answer = await house.call(service, method, url, body, headers=headers, expect=None)
            assert answer.status_code < 500, f"{method} {path}: {answer.text}"
            if answer.status_code == 403 and answer.json()["code"] == "scope_required":
                continue
            assert answer.status_code != 403, answer.text
            reached.add(f"{service} {method} {path}")
        assert reached == opened, scope
    await house.call("auth", "GET", "/api/v1/users/me", person=developer)  # and the developer is still there


async def test_reading_shows_a_developers_own_drafts_and_changes_nothing(one_house: House) -> None:
    house, developer, other = one_house, await one_house.register("developer"), await one_house.register("developer")
    draft, foreign = await house.draft(developer), await house.draft(other)
    headers = await headers_of_key(house, developer, "catalog:read")
    mine = (await house.call("catalog", "GET", "/api/v1/cats?mine=true", headers=headers)).json()["items"]
    assert [each["id"] for each in mine] == [draft["id"]]
    read = await house.call("catalog", "GET", f"/api/v1/cats/{draft['slug']}", headers=headers)
    assert read.json()["endpoint_url"] == draft["endpoint_url"]
    await house.call("catalog", "GET", f"/api/v1/cats/{foreign['id']}", headers=headers, expect=404)
    for path, body in (("", cat_creation()), (f"/{draft['id']}/publish", None), (f"/{draft['id']}/unpublish", None)):
        refused = await house.call("catalog", "POST", f"/api/v1/cats{path}", body, headers=headers, expect=403)
        told = refused.json()
        assert (told["code"], told["scope"]) == ("scope_required", "catalog:write")
    assert (await house.call("catalog", "GET", f"/api/v1/cats/{draft['id']}", person=developer)).json() == read.json()


async def test_writing_takes_a_cat_from_draft_to_the_catalog_and_back(one_house: House) -> None:
    house, developer, other = one_house, await one_house.register("developer"), await one_house.register("developer")
    headers = await headers_of_key(house, developer, "catalog:write")
    body = cat_creation(endpoint_url=f"{house.cat_url}/made-by-a-tool", slug="made-by-a-tool")
    cat = (await house.call("catalog", "POST", "/api/v1/cats", body, headers=headers, expect=201)).json()
    assert cat["developer"]["id"] == str(developer.id)
    path = f"/api/v1/cats/{cat['id']}"
    # The signing secret is for people: the demo cat learns it from its developer.
    await house.call("catalog", "GET", f"{path}/signing-secret", headers=headers, expect=403)
    secret = await house.call("catalog", "GET", f"{path}/signing-secret", person=developer)
    house.cat_secrets["made-by-a-tool"] = secret.json()["secret"]
    published = await house.call("catalog", "POST", f"{path}/publish", headers=headers)
    assert published.json()["status"] == "published"
    assert (await house.call("catalog", "POST", f"{path}/unpublish", headers=headers)).json()["status"] == "draft"
    assert (await house.call("catalog", "GET", path, headers=headers)).json()["status"] == "draft"
    foreign = await house.draft(other)
    await house.call("catalog", "POST", f"/api/v1/cats/{foreign['id']}/publish", headers=headers, expect=404)


async def test_an_admins_key_is_no_admin(one_house: House) -> None:
    house, admin, developer = one_house, await one_house.admin(), await one_house.register("developer")
    draft = await house.draft(developer)
    key = (await make_key(house, admin, *Scope))["key"]
    token = (await exchange(house, key))["access_token"]
    assert claims_of(token)["role"] == "developer"
    headers = {"Authorization": f"Bearer {token}"}
    for service, method, path in (
        ("catalog", "POST", f"/api/v1/cats/{draft['id']}/suspend"),
        ("auth", "GET", "/api/v1/users"),
        ("auth", "PATCH", f"/api/v1/users/{developer.id}"),
        ("auth", "GET", "/api/v1/audit-events"),
    ):
        reason = None if method == "GET" else {"reason": "x"}
        refused = await house.call(service, method, path, reason, headers=headers, expect=403)
        assert (refused.json()["code"], refused.json()["scope"]) == ("scope_required", None)
    # Everybody's drafts are for admins who are there.
    await house.call("catalog", "GET", f"/api/v1/cats/{draft['id']}", headers=headers, expect=404)
    await house.call("catalog", "GET", f"/api/v1/cats/{draft['id']}", person=admin)
    assert (await house.call("catalog", "GET", "/api/v1/cats?mine=true", headers=headers)).json()["items"] == []


async def test_several_scopes_add_up(one_house: House) -> None:
    house, developer = one_house, await one_house.register("developer")
    headers = await headers_of_key(house, developer, "developer:read", "catalog:read")
    await house.call("catalog", "GET", "/api/v1/cats?mine=true", headers=headers)
    await house.call("catalog", "POST", "/api/v1/cats", cat_creation(), headers=headers, expect=403)
