"""People report cats, admins work the reports off; what admins did with cats is public."""

import asyncio
import uuid
from typing import Any

from sqlalchemy import select

from cathouse.schema import AuditEvent
from tests.fixtures.house import House, Person

CATS = "/api/v1/cats"
REPORTS = "/api/v1/reports"
LOG = "/api/v1/moderation-log"
COMPLAINT = {"reason": "misleading", "text": "It says that it knows the weather."}


async def report(house: House, person: Person, cat: dict[str, Any], *, expect: int = 201) -> dict[str, Any]:
    answer = await house.call("catalog", "POST", f"{CATS}/{cat['id']}/reports", COMPLAINT, person=person, expect=expect)
    told: dict[str, Any] = answer.json()
    return told


async def test_a_report_is_made_worked_off_and_closed_once(house: House) -> None:
    developer, player, admin = await house.register("developer"), await house.register(), await house.admin()
    cat = await house.publish(developer)
    made = await report(house, player, cat)
    assert (made["state"], made["reason"], made["text"]) == ("open", *COMPLAINT.values())
    assert "reporter_id" not in made
    assert (await report(house, player, cat, expect=409))["code"] == "report_open"
    for nobody in (player, developer):
        await house.call("catalog", "GET", REPORTS, person=nobody, expect=403)
        await house.call("catalog", "POST", f"{REPORTS}/{made['id']}/resolve", person=nobody, expect=403)
    listed = (await house.call("catalog", "GET", f"{REPORTS}?state=open&cat_id={cat['id']}", person=admin)).json()
    assert [each["id"] for each in listed["items"]] == [made["id"]]
    closed = (await house.call("catalog", "POST", f"{REPORTS}/{made['id']}/resolve", person=admin)).json()
    assert closed["state"] == "resolved"
    again = await house.call("catalog", "POST", f"{REPORTS}/{made['id']}/dismiss", person=admin, expect=409)
    assert (again.json()["code"], again.json()["state"]) == ("report_closed", "resolved")
    await report(house, player, cat)  # a new one, now that the first is closed
    unknown = f"{REPORTS}/{uuid.uuid4()}/dismiss"
    await house.call("catalog", "POST", unknown, person=admin, expect=404)
    with house.engine.connect() as connection:
        events = connection.execute(select(AuditEvent).where(AuditEvent.action.startswith("report."))).all()
    assert sorted(event.action for event in events) == ["report.made", "report.made", "report.resolved"]
    assert COMPLAINT["text"] not in str(events)


async def test_only_what_one_may_know_of_can_be_reported(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    draft = await house.draft(developer)
    await report(house, player, draft, expect=404)
    await report(house, player, {"id": uuid.uuid4()}, expect=404)
    cat = await house.publish(developer)
    path = f"{CATS}/{cat['id']}/reports"
    await house.call("catalog", "POST", path, COMPLAINT, expect=401)
    for wrong in ({}, {**COMPLAINT, "reason": "ugly"}, {**COMPLAINT, "text": " "}, {**COMPLAINT, "state": "resolved"}):
        await house.call("catalog", "POST", path, wrong, person=player, expect=422)


async def test_several_reports_of_one_person_at_once_are_one(house: House) -> None:
    developer, player, admin = await house.register("developer"), await house.register(), await house.admin()
    cat = await house.publish(developer)
    path = f"{CATS}/{cat['id']}/reports"
    calls = (house.call("catalog", "POST", path, COMPLAINT, person=player, expect=None) for _ in range(5))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    [made] = (answer.json() for answer in answers if answer.status_code == 201)
    closings = (
        house.call("catalog", "POST", f"{REPORTS}/{made['id']}/{what}", person=admin, expect=None)
        for what in ("resolve", "dismiss", "resolve")
    )
    assert sorted(answer.status_code for answer in await asyncio.gather(*closings)) == [200, 409, 409]


async def test_lists_go_on_where_they_ended(house: House) -> None:
    developer, admin = await house.register("developer"), await house.admin()
    cat = await house.publish(developer)
    made = [(await report(house, await house.register(), cat))["id"] for _ in range(3)]
    first = (await house.call("catalog", "GET", f"{REPORTS}?limit=2", person=admin)).json()
    path = f"{REPORTS}?limit=2&cursor={first['next_cursor']}"
    rest = (await house.call("catalog", "GET", path, person=admin)).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == made[::-1]
    other = f"{REPORTS}?limit=2&state=open&cursor={first['next_cursor']}"
    assert (await house.call("catalog", "GET", other, person=admin, expect=400)).json()["code"] == "cursor_mismatch"


async def test_what_admins_did_is_public_but_for_who_and_for_drafts(house: House) -> None:
    developer, admin = await house.register("developer"), await house.admin()
    cat, draft = await house.publish(developer), await house.draft(developer)
    for each in (cat, draft):
        body = {"reason": f"{each['slug']} scratches."}
        await house.call("catalog", "POST", f"{CATS}/{each['id']}/suspend", body, person=admin)
    await house.call("catalog", "POST", f"{CATS}/{cat['id']}/reinstate", person=admin)
    answer = await house.call("catalog", "GET", LOG)
    entries = answer.json()["items"]
    assert [(each["action"], each["reason"]) for each in entries] == [
        ("reinstated", None),
        ("suspended", f"{cat['slug']} scratches."),
    ]
    assert entries[0]["cat"] == {"id": cat["id"], "slug": cat["slug"], "name": cat["name"]}
    assert str(admin.id) not in answer.text
    page = (await house.call("catalog", "GET", f"{LOG}?limit=1")).json()
    rest = (await house.call("catalog", "GET", f"{LOG}?limit=1&cursor={page['next_cursor']}")).json()
    assert [each["action"] for each in page["items"] + rest["items"]] == ["reinstated", "suspended"]
