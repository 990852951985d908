"""Forgetting a person in the catalog."""

import asyncio
import uuid
from typing import Any

from sqlalchemy import Row, String, func, insert, select, text, update

from catalog_service.erasures.repository import CATS
from cathouse.database.portions import PORTION
from cathouse.schema import Cat, CatReport, CatSearch, IdempotencyKey, Installation, Release, User
from tests.factories import cats, installations
from tests.factories.cats import cat_creation
from tests.fixtures.erasures import (
    add,
    differences,
    erase,
    events,
    everything,
    refused,
    strangers_are_refused,
)
from tests.fixtures.gaps import until_somebody_waits_for_a_lock
from tests.fixtures.house import House, Person
from tests.fixtures.lifecycle import until_told

CATALOG = "/api/v1/cats"
NAME = "Quillfeather"
URLS = {
    "icon_url": "https://quillfeather.example.com/me.png",
    "support_url": "https://quillfeather.example.com/",
    "privacy_url": "https://quillfeather.example.com/privacy",
}


async def developer_called(house: House, name: str = NAME) -> Person:
    developer = await house.register("developer")
    with house.engine.begin() as connection:
        connection.execute(update(User).where(User.id == developer.id).values(display_name=name))
    return developer


def cat_row(house: House, cat: dict[str, Any]) -> Row[*tuple[Any, ...]]:
    with house.engine.connect() as connection:
        return connection.execute(select(*Cat.__table__.columns).where(Cat.id == uuid.UUID(cat["id"]))).one()


def search_row(house: House, cat: dict[str, Any]) -> str:
    with house.engine.connect() as connection:
        return str(connection.scalar(select(CatSearch.document).where(CatSearch.cat_id == uuid.UUID(cat["id"]))))


def count(house: House, *conditions: Any) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(*conditions)) or 0


def suspended(house: House) -> list[str]:
    """The cats that were suspended since their developer is gone, one entry for each event."""
    return [each.subject["cat_id"] for each in events(house.engine, "cat.suspended") if is_gone(each.detail)]


def is_gone(detail: dict[str, Any]) -> bool:
    return detail == {"reason": "developer_gone"}


async def test_only_auth_service_lets_somebody_be_forgotten(house: House) -> None:
    await strangers_are_refused(house, "catalog")


async def test_a_developers_cats_stop_for_good_wherever_they_stood(house: House) -> None:
    developer, player, admin = await developer_called(house), await house.register(), await house.admin()
    published, withdrawn, bitten = [await house.publish(developer) for _ in range(3)]
    await house.install(player, withdrawn)
    await house.call("catalog", "POST", f"{CATALOG}/{withdrawn['id']}/unpublish", person=developer)
    await house.call("catalog", "POST", f"{CATALOG}/{bitten['id']}/suspend", {"reason": "It bites."}, person=admin)
    await erase(house, "catalog", developer.id)
    for cat, before in ((published, "published"), (withdrawn, "draft"), (bitten, "published")):
        row = cat_row(house, cat)
        assert (row.status, row.suspension_reason) == ("suspended", "developer_gone")
        assert row.status_before_suspension == before
        await house.call("catalog", "GET", f"{CATALOG}/{cat['id']}", expect=404)
    assert sorted(suspended(house)) == sorted(cat["id"] for cat in (published, withdrawn, bitten))
    for event in events(house.engine, "cat.suspended")[-3:]:
        assert event.actor_id is None
        assert event.subject.keys() == {"cat_id"}


async def test_nobody_lets_a_cat_go_on_whose_developer_is_gone(house: House) -> None:
    developer, admin = await developer_called(house), await house.admin()
    cat = await house.publish(developer)
    await erase(house, "catalog", developer.id)
    path = f"{CATALOG}/{cat['id']}"
    refusal = await house.call("catalog", "POST", f"{path}/reinstate", person=admin, expect=409)
    assert refusal.json()["code"] == "developer_gone"
    again = await house.call("catalog", "POST", f"{path}/suspend", {"reason": "x"}, person=admin, expect=409)
    assert (again.json()["code"], again.json()["allowed"]) == ("transition_not_allowed", [])
    for move in ("publish", "unpublish"):
        await house.call("catalog", "POST", f"{path}/{move}", person=developer, expect=409)
    assert cat_row(house, cat).status == "suspended"


async def test_the_reason_of_the_gone_is_not_for_the_living(house: House) -> None:
    developer, admin = await developer_called(house), await house.admin()
    path = f"{CATALOG}/{(await house.publish(developer))['id']}"
    answer = await house.call(
        "catalog", "POST", f"{path}/suspend", {"reason": " developer_gone "}, person=admin, expect=422
    )
    assert answer.json()["errors"][0]["location"] == "body.reason"


async def test_a_player_is_told_that_the_cat_is_suspended(house: House) -> None:
    developer, player = await developer_called(house), await house.register()
    installed = await house.install(player, await house.publish(developer))
    await house.interact(player, installed, "Hello")
    await erase(house, "catalog", developer.id)
    answer = await house.interact(player, installed, "Hello", expect=423)
    assert answer.json()["code"] == "cat_suspended"
    kept = await house.call("installation", "GET", f"/api/v1/installations/{installed['id']}", person=player)
    assert (kept.json()["status"], kept.json()["cat"]["status"]) == ("active", "suspended")


async def test_drafts_that_nobody_installed_go_altogether(house: House) -> None:
    developer, other = await developer_called(house), await developer_called(house)
    draft, kept = await house.draft(developer), await house.draft(other)
    tried = await house.publish(developer)
    add(house.engine, installations.installation(developer.id, uuid.UUID(tried["id"])))
    await house.call("catalog", "POST", f"{CATALOG}/{tried['id']}/unpublish", person=developer)
    await erase(house, "catalog", developer.id)
    for model in (Release, CatSearch):
        assert count(house, model.cat_id == uuid.UUID(draft["id"])) == 0
    assert count(house, Cat.id == uuid.UUID(draft["id"])) == 0
    assert cat_row(house, tried).status == "suspended"
    assert cat_row(house, kept).status == "draft"
    (deleted,) = events(house.engine, "cat.deleted")
    assert (deleted.actor_id, deleted.subject, is_gone(deleted.detail)) == (None, {"cat_id": draft["id"]}, True)


async def test_a_draft_that_is_installed_in_the_same_instant_is_kept(house: House) -> None:
    developer = await developer_called(house)
    draft = await house.draft(developer)
    cat_id = uuid.UUID(draft["id"])
    with house.engine.begin() as connection:
        values = {"user_id": developer.id, "cat_id": cat_id, "consent_epoch": 1, "instance_name": "Misty"}
        connection.execute(insert(Installation).values(id=uuid.uuid4(), **values))
        erasing = asyncio.create_task(erase(house, "catalog", developer.id))
        await until_somebody_waits_for_a_lock(house.engine)
    await erasing
    assert cat_row(house, draft).suspension_reason == "developer_gone"
    assert events(house.engine, "cat.deleted") == []


async def test_what_leads_to_the_developer_is_gone_and_where_nobody_calls_stays(house: House) -> None:
    developer, other = await developer_called(house), await developer_called(house)
    cat, kept = await house.publish(developer, **URLS), await house.publish(other, **URLS)
    await erase(house, "catalog", developer.id)
    row = cat_row(house, cat)
    assert (row.icon_url, row.support_url, row.privacy_url) == (None, None, None)
    assert row.endpoint_url == cat["endpoint_url"]  # NOT NULL
    assert cat_row(house, kept).support_url == URLS["support_url"]


STAYS = {"deprecation", "suspension_reason", "status_before_suspension", "previous_signing_root"}
"""What may be said of a cat whose developer is gone."""


async def test_whatever_else_may_be_said_of_a_cat_is_gone(house: House) -> None:
    """Of every column that can be empty: also of one that is added later."""
    developer = await developer_called(house)
    cat = await house.publish(developer)
    columns = {each.name for each in Cat.__table__.columns if each.nullable and isinstance(each.type, String)}
    said = columns - {"suspension_reason", "status_before_suspension", "previous_signing_root"}
    await house.execute(update(Cat).where(Cat.id == uuid.UUID(cat["id"])).values(dict.fromkeys(said, NAME)))
    await erase(house, "catalog", developer.id)
    row = cat_row(house, cat)
    left = {name for name in columns if getattr(row, name) is not None} - STAYS
    assert not left, "an erasure empties them, or they are named in STAYS"


async def test_the_developers_name_is_out_of_search_though_the_account_still_has_it(house: House) -> None:
    developer, other = await developer_called(house), await developer_called(house)
    cat, kept = await house.publish(developer, name="Whiskers"), await house.publish(other)
    assert "quillfeather" in search_row(house, cat)
    await erase(house, "catalog", developer.id)
    assert "quillfeather" not in search_row(house, cat)
    assert "whiskers" in search_row(house, cat)
    assert "quillfeather" in search_row(house, kept)


async def test_reports_stay_without_their_words(house: House) -> None:
    reporter, other = await house.register(), await house.register()
    cat_id = uuid.UUID((await house.publish(await developer_called(house)))["id"])
    for person, state in ((reporter, "open"), (reporter, "dismissed"), (other, "open")):
        words = f"I am {person.email}"
        add(house.engine, CatReport(cat_id=cat_id, reporter_id=person.id, reason="harmful", text=words, state=state))
    await erase(house, "catalog", reporter.id)
    with house.engine.connect() as connection:
        rows = connection.execute(select(CatReport.reporter_id, CatReport.text, CatReport.state, CatReport.reason))
        assert sorted(map(tuple, rows), key=repr) == sorted(
            [
                (reporter.id, "[erased]", "open", "harmful"),
                (reporter.id, "[erased]", "dismissed", "harmful"),
                (other.id, f"I am {other.email}", "open", "harmful"),
            ],
            key=repr,
        )


async def test_kept_answers_of_the_person_go_and_those_of_others_stay(house: House) -> None:
    person, other = uuid.uuid4(), uuid.uuid4()
    for service, principal in (("catalog", person), ("catalog", other), ("installation", person)):
        key = {"route": "POST /api/v1/cats", "key": "k", "request_hash": b"", "status": 201, "body": {"name": NAME}}
        add(house.engine, IdempotencyKey(service=service, principal=principal, **key))
    await erase(house, "catalog", person)
    with house.engine.connect() as connection:
        left = connection.execute(select(IdempotencyKey.service, IdempotencyKey.principal)).all()
    assert set(map(tuple, left)) == {("catalog", other), ("installation", person)}


async def test_nothing_of_anybody_else_is_touched(house: House) -> None:
    developer, other, player = await developer_called(house), await developer_called(house), await house.register()
    own = [await house.publish(developer, **URLS), await house.draft(developer)]
    for cat in (own[0], await house.publish(other, **URLS)):
        await house.install(player, cat)
    await house.draft(other)
    await until_told(house.engine)
    before = everything(house.engine)
    await erase(house, "catalog", developer.id)
    changed = differences(before, everything(house.engine))
    assert changed
    ids = (str(developer.id), *(cat["id"] for cat in own), *released(before, own))
    for row in changed:
        # A word of theirs that others have too is counted once less.
        assert row.startswith("search_words ") or any(each in row for each in ids), row


def released(rows: Any, of: list[dict[str, Any]]) -> list[str]:
    """The ids of the cats' releases."""
    releases = [row for row in rows if row.startswith("releases ") and any(cat["id"] in row for cat in of)]
    return [row.removeprefix("releases (")[:36] for row in releases]


async def test_a_repetition_changes_nothing(house: House) -> None:
    developer, player = await developer_called(house), await house.register()
    cat = await house.publish(developer, **URLS)
    await house.install(player, cat)
    await house.draft(developer)
    add(house.engine, CatReport(cat_id=uuid.UUID(cat["id"]), reporter_id=developer.id, reason="other", text="y"))
    await erase(house, "catalog", developer.id)
    once = everything(house.engine)
    for _ in range(2):
        await erase(house, "catalog", developer.id)
    assert differences(once, everything(house.engine)) == []


async def test_at_once_it_is_done_once(house: House) -> None:
    developer = await developer_called(house)
    published = [await house.publish(developer, **URLS) for _ in range(3)]
    drafts = [await house.draft(developer) for _ in range(3)]
    await asyncio.gather(*(erase(house, "catalog", developer.id) for _ in range(4)))
    assert sorted(suspended(house)) == sorted(cat["id"] for cat in published)
    deleted = [each.subject["cat_id"] for each in events(house.engine, "cat.deleted")]
    assert sorted(deleted) == sorted(cat["id"] for cat in drafts)


async def test_what_is_half_done_is_finished_by_the_next_call(house: House) -> None:
    developer = await developer_called(house)
    cat, _ = await house.publish(developer, **URLS), await house.draft(developer)
    report = CatReport(cat_id=uuid.UUID(cat["id"]), reporter_id=developer.id, reason="other", text="y")
    add(house.engine, report)
    async with refused(house, "UPDATE", "cat_search"):
        answer = await erase(house, "catalog", developer.id, expect=503)
        assert answer.json()["code"] == "database_full"
    assert cat_row(house, cat).status == "published"  # not without what search reads
    assert suspended(house) == []
    async with refused(house, "UPDATE", "cat_reports"):
        await erase(house, "catalog", developer.id, expect=503)
    assert cat_row(house, cat).status == "suspended"
    assert count(house, CatReport.text == "y") == 1
    await erase(house, "catalog", developer.id)
    assert count(house, CatReport.text == "y") == 0
    assert suspended(house) == [cat["id"]]
    assert len(events(house.engine, "cat.deleted")) == 1


async def test_what_a_token_that_is_still_valid_makes_is_gone_with_the_next_call(house: House) -> None:
    developer = await developer_called(house)
    await erase(house, "catalog", developer.id)
    draft, published = await house.draft(developer), await house.publish(developer, **URLS)
    assert "quillfeather" in search_row(house, published)
    await erase(house, "catalog", developer.id)
    assert count(house, Cat.id == uuid.UUID(draft["id"])) == 0
    row = cat_row(house, published)
    assert (row.suspension_reason, row.support_url) == ("developer_gone", None)
    assert "quillfeather" not in search_row(house, published)
    await house.call("catalog", "POST", CATALOG, cat_creation(), person=developer, expect=201)
    await erase(house, "catalog", developer.id)
    assert suspended(house) == [published["id"]]


async def test_more_than_one_transaction_holds_is_forgotten(house: House) -> None:
    developer, reporter = await developer_called(house), await house.register()
    many = CATS * 2 + 1
    published = [cats.cat(developer.id, status="published", **URLS) for _ in range(many)]
    drafts = [cats.cat(developer.id) for _ in range(many)]
    add(house.engine, *published, *drafts)
    reports = (
        "INSERT INTO cathouse.cat_reports (cat_id, reporter_id, reason, text)"
        " SELECT :cat, :reporter, 'harmful', 'words ' || number FROM generate_series(1, :many) AS number"
    )
    values = {"cat": published[0].id, "reporter": reporter.id, "many": PORTION * 2 + 1}
    with house.engine.begin() as connection:
        connection.execute(text(reports), values)
    await erase(house, "catalog", developer.id)
    await erase(house, "catalog", reporter.id)
    assert count(house, Cat.developer_id == developer.id, Cat.suspension_reason == "developer_gone") == many
    assert count(house, Cat.developer_id == developer.id) == many
    assert count(house, CatReport.text == "[erased]") == PORTION * 2 + 1
    moments = [each.at for each in events(house.engine, "cat.suspended", "cat.deleted")]
    assert len(moments) == many * 2
    assert max(moments.count(moment) for moment in moments) == CATS
