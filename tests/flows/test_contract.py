"""The services keep what their OpenAPI documents promise, whatever is sent: no 5xx, no undocumented answer."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from cathouse.database import DatabaseUrl
from cathouse.schema import Cat, PermissionType, Release
from tests.factories.accounts import PASSWORD, email
from tests.factories.cats import STORAGE
from tests.fixtures.activity import interaction
from tests.fixtures.cat_calls import token as cat_headers
from tests.fixtures.house import House, directly, run_house
from tests.fixtures.letters import mailed_token
from tests.fixtures.serving import serve
from tests.flows.contract_scene import (
    ANY_INSTALLATION,
    AUTH,
    CAT,
    INSTALLATION,
    METRICS_TOKEN,
    NEVER_SUCCEED,
    OF_CAT,
    OF_CAT_INSTALLATION,
    SIGNED,
    both,
    examined,
    hold,
    installed,
    scene_of,
    with_secrets,
    with_upgrade,
)
from tests.proxy.hosts import HERE, calling

pytestmark = [directly, pytest.mark.timeout(400)]


@pytest.fixture
async def house(clean_db: DatabaseUrl) -> AsyncIterator[House]:
    """The services as in development, but with a Clerk (that knows no key) and a token for the figures."""

    async def keys(_request: object) -> JSONResponse:
        return JSONResponse({"keys": []})

    async with serve(Starlette(routes=[Route("/jwks", keys)])) as clerk:
        settings: dict[str, Any] = {
            "metrics_token": SecretStr(METRICS_TOKEN),
            "clerk_issuer": clerk,
            "clerk_jwks_url": HttpUrl(f"{clerk}/jwks"),
            "clerk_authorized_parties": ["http://localhost:3000"],
        }
        async with run_house(clean_db, **settings) as running:
            yield running


async def test_auth_service_keeps_its_contract(house: House) -> None:
    scene = await scene_of(house, "auth")
    # One each: a reset, a log-out and a refresh that is repeated end sessions.
    person, key_owner, leaving = await house.register(), await house.register("developer"), await house.register()
    forgetful, refreshing = await house.register(), await house.register()
    key = {"name": "release pipeline", "scopes": ["catalog:write"]}
    made = (await house.call("auth", "POST", "/api/v1/api-keys", key, person=key_owner, expect=201)).json()
    await house.call("auth", "POST", f"{AUTH}/password/forgot", {"email": forgetful.email}, expect=202)
    session = (await house.call("auth", "GET", "/api/v1/sessions", person=leaving)).json()["items"][0]
    login = {"email": person.email, "password": PASSWORD}
    scene.own |= {
        "DELETE /api/v1/api-keys/{key_id}": key_owner,
        "DELETE /api/v1/sessions/{session_id}": leaving,
    }
    scene.paths = {
        "GET /api/v1/users/{user_id}": {"user_id": str(person.id)},
        "PATCH /api/v1/users/{user_id}": {"user_id": str(scene.player.id)},
        "DELETE /api/v1/api-keys/{key_id}": {"key_id": made["id"]},
        "DELETE /api/v1/sessions/{session_id}": {"session_id": session["id"]},
    }
    scene.bodies = {
        f"POST {AUTH}/login": login,
        f"POST {AUTH}/token": {"grant_type": "password", "username": key_owner.email, "password": PASSWORD},
        f"POST {AUTH}/refresh": {"refresh_token": refreshing.tokens["refresh_token"]},
        f"POST {AUTH}/logout": {"refresh_token": person.tokens["refresh_token"]},
        f"POST {AUTH}/api-key": {"api_key": made["key"]},
        f"POST {AUTH}/password/change": {"current_password": PASSWORD, "password": "another correct horse"},
        f"POST {AUTH}/password/reset": {
            "token": await mailed_token(house, forgetful.email, "Choose a new password"),
            "password": "another correct horse",
        },
        f"POST {AUTH}/email/verify": {"token": await mailed_token(house, person.email, "Confirm your e-mail address")},
        f"POST {AUTH}/email/change": {"email": email()},
    }
    hold(await examined(scene), never_succeed=frozenset(NEVER_SUCCEED))


async def test_catalog_service_keeps_its_contract(house: House) -> None:
    scene = await scene_of(house, "catalog")
    cat, published, suspended = [await house.publish(scene.developer) for _ in range(3)]
    draft, stopped = await house.draft(scene.developer), await house.publish(scene.developer)
    suspension = {"reason": "It scratches."}
    await house.call(
        "catalog", "POST", f"/api/v1/cats/{stopped['id']}/suspend", suspension, person=scene.admin, expect=200
    )
    changing, removed, rotating = [await house.draft(scene.developer) for _ in range(3)]
    complaint = {"reason": "spam", "text": "It sells umbrellas."}
    reports = []
    for _ in range(2):
        path = f"/api/v1/cats/{cat['id']}/reports"
        reporter = await house.register()
        made = await house.call("catalog", "POST", path, complaint, person=reporter, expect=201)
        reports.append(made.json()["id"])
    release = {"version": "2.0.0", "endpoint_url": cat["endpoint_url"], "permissions": [STORAGE]}
    scene.paths = {
        f"GET {CAT}": {"cat_id": cat["slug"]},
        f"GET {CAT}/permissions": {"cat_id": cat["id"]},
        f"GET {CAT}/similar": {"cat_id": cat["id"]},
        f"GET {CAT}/stats": {"cat_id": cat["id"]},
        f"PATCH {CAT}": {"cat_id": cat["id"]},
        f"DELETE {CAT}": {"cat_id": removed["id"]},
        f"POST {CAT}/deprecate": {"cat_id": cat["id"]},
        f"POST {CAT}/reports": {"cat_id": cat["id"]},
        f"POST {CAT}/releases": {"cat_id": changing["id"]},
        f"PATCH {CAT}/releases/{{version}}": {"cat_id": changing["id"], "version": "1.0.0"},
        f"POST {CAT}/signing-secret/rotate": {"cat_id": rotating["id"]},
        "POST /api/v1/reports/{report_id}/resolve": {"report_id": reports[0]},
        "POST /api/v1/reports/{report_id}/dismiss": {"report_id": reports[1]},
        f"GET {CAT}/releases": {"cat_id": cat["id"]},
        f"GET {CAT}/releases/{{version}}": {"cat_id": cat["id"], "version": "1.0.0"},
        f"GET {CAT}/signing-secret": {"cat_id": cat["id"]},
        f"POST {CAT}/publish": {"cat_id": draft["id"]},
        f"POST {CAT}/unpublish": {"cat_id": published["id"]},
        f"POST {CAT}/suspend": {"cat_id": suspended["id"]},
        f"POST {CAT}/reinstate": {"cat_id": stopped["id"]},
    }
    scene.bodies = {
        f"POST {CAT}/suspend": suspension,
        f"POST {CAT}/publish": {"version": "1.0.0"},
        f"POST {CAT}/deprecate": {"message": "Use another one."},
        f"POST {CAT}/reports": complaint,
        f"POST {CAT}/releases": release,
        f"PATCH {CAT}/releases/{{version}}": {"changelog": "Purrs in tune."},
        f"PATCH {CAT}": {"tags": ["weather"]},
    }
    hold(await examined(scene))
    with house.engine.connect() as connection:
        endpoints = connection.scalars(select(Release.endpoint_url).where(Release.published_at.is_not(None))).all()
    # What was invented was never published, so nothing outside of these tests was called.
    assert all(url.startswith(f"{house.cat_url}/") for url in endpoints)


async def test_installation_service_keeps_its_contract(house: House) -> None:
    scene = await scene_of(house, "installation")
    scene.installation = await installed(scene)
    cat = cat_headers(scene.installation, frozenset(PermissionType))
    await house.call("installation", "PUT", "/api/v1/cat/storage/kept", {"a": 1}, headers=cat, expect=201)
    await house.call("installation", "PUT", "/api/v1/cat/storage/gone", {"a": 1}, headers=cat, expect=201)
    note = {"title": "Hello", "body": "Come home."}
    sent = await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=cat, expect=201)
    task = {"title": "Feed Misty", "tags": ["food"], "due_date": "2099-12-24T18:00:00+01:00"}
    made = [
        (await house.call("installation", "POST", "/api/v1/cat/tasks", task, headers=cat, expect=201)).json()["id"]
        for _ in range(2)
    ]
    paused = await installed(scene)
    await house.call("installation", "POST", f"/api/v1/installations/{paused['id']}/pause", person=scene.player)
    read = {"installation_id": scene.installation["id"]}
    of_cat = {"cat_id": scene.installation["cat"]["id"]}
    keeping = await with_secrets(scene)
    suspension = {"reason": "It scratches."}
    stopped, stopped_by_operator = await installed(scene), await installed(scene)
    for path, person in (
        (OF_CAT_INSTALLATION.format(**both(stopped)), scene.developer),
        (ANY_INSTALLATION.format(**both(stopped_by_operator)), scene.admin),
    ):
        await house.call("installation", "POST", f"{path}/suspend", suspension, person=person)
    events = await house.call("installation", "GET", f"{OF_CAT.format(**of_cat)}/events", person=scene.developer)
    scene.paths = {
        f"GET {INSTALLATION}": read,
        f"GET {INSTALLATION}/permissions": read,
        f"PUT {INSTALLATION}/permissions/{{permission_type}}": {
            "installation_id": (await installed(scene))["id"],
            "permission_type": "notification",
        },
        f"GET {INSTALLATION}/activity": read,
        f"PATCH {INSTALLATION}": {"installation_id": (await installed(scene))["id"]},
        f"POST {INSTALLATION}/upgrade": {"installation_id": (await with_upgrade(scene))["id"]},
        f"GET {INSTALLATION}/secrets": {"installation_id": keeping["id"]},
        f"PUT {INSTALLATION}/secrets/{{name}}": {"installation_id": keeping["id"], "name": "api_key"},
        f"DELETE {INSTALLATION}/secrets/{{name}}": {"installation_id": keeping["id"], "name": "other_key"},
        f"GET {OF_CAT}/installations": of_cat,
        f"GET {OF_CAT}/interactions": of_cat,
        f"GET {OF_CAT}/events": of_cat,
        f"POST {OF_CAT}/events/{{event_id}}/resend": {**of_cat, "event_id": events.json()["items"][0]["id"]},
        f"POST {OF_CAT_INSTALLATION}/suspend": both(await installed(scene)),
        f"POST {OF_CAT_INSTALLATION}/reinstate": both(stopped),
        f"POST {ANY_INSTALLATION}/suspend": {"installation_id": (await installed(scene))["id"]},
        f"POST {ANY_INSTALLATION}/reinstate": {"installation_id": stopped_by_operator["id"]},
        f"POST {INSTALLATION}/pause": {"installation_id": (await installed(scene))["id"]},
        f"POST {INSTALLATION}/resume": {"installation_id": paused["id"]},
        f"DELETE {INSTALLATION}": {"installation_id": (await installed(scene))["id"]},
        "POST /api/v1/notifications/{notification_id}/read": {"notification_id": sent.json()["id"]},
        "GET /api/v1/tasks/{task_id}": {"task_id": made[0]},
        "PATCH /api/v1/tasks/{task_id}": {"task_id": made[0]},
        "DELETE /api/v1/tasks/{task_id}": {"task_id": made[1]},
        "GET /api/v1/cat/tasks/{task_id}": {"task_id": made[0]},
        "PATCH /api/v1/cat/tasks/{task_id}": {"task_id": made[0]},
        "GET /api/v1/cat/storage/{key}": {"key": "kept"},
        "PUT /api/v1/cat/storage/{key}": {"key": "new"},
        "DELETE /api/v1/cat/storage/{key}": {"key": "gone"},
    }
    fresh = await house.publish(scene.developer)
    scene.bodies = {
        "POST /api/v1/installations": {
            "cat_id": fresh["id"],
            "instance_name": "Misty",
            "grants": {"storage": True, "notification": False},
        },
        f"PATCH {INSTALLATION}": {"instance_name": "Misty the Second"},
        f"POST {INSTALLATION}/upgrade": {"version": "2.0.0", "grants": {"notification": True}},
        f"PUT {INSTALLATION}/secrets/{{name}}": {"value": "a key"},
        f"POST {OF_CAT_INSTALLATION}/suspend": suspension,
        f"POST {ANY_INSTALLATION}/suspend": suspension,
        "POST /api/v1/cat/notifications": note,
        "POST /api/v1/tasks": task,
        "PATCH /api/v1/tasks/{task_id}": {"status": "completed"},
        "POST /api/v1/cat/tasks": task,
        "PATCH /api/v1/cat/tasks/{task_id}": {"priority": "high"},
        "POST /internal/v1/interactions": {"interactions": [interaction(scene.installation)]},
    }
    hold(await examined(scene))


async def test_proxy_service_keeps_its_contract(house: House) -> None:
    scene = await scene_of(house, "proxy")
    installation = await installed(scene)
    with house.engine.connect() as connection:
        release = connection.scalar(select(Release.id).join(Cat).where(Cat.id == uuid.UUID(installation["cat"]["id"])))
    scene.paths = {
        f"POST {INSTALLATION}/interactions": {"installation_id": installation["id"]},
        f"POST {CAT}/test": {"cat_id": installation["cat"]["id"]},
    }
    async with calling(house, {}) as caller:
        # What is invented, and the document's own example, lead to no host outside.
        await house.execute(update(Release).values(egress_hosts=[HERE]))
        scene.installation = caller.installed
        scene.bodies = {
            "POST /api/v1/cat/external": {"method": "GET", "url": caller.host.url},
            "POST /internal/v1/challenges": {"release_id": str(release)},
            "POST /internal/v1/deliveries": {
                "event_id": str(uuid.uuid4()),
                "installation_id": installation["id"],
                "event": "installation.created",
                "created_at": "2026-11-25T12:00:00Z",
            },
        }
        hold(await examined(scene), never_succeed=frozenset({SIGNED}))
