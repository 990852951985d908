"""A person leaves: everything about them can be taken along first, and nothing of them stays, whatever is down."""

import asyncio
import datetime as dt
import json
from typing import Any

import pytest
from pydantic import HttpUrl
from sqlalchemy import Engine, select, text, update

from auth_service.erasures.repository import NOBODY
from cathouse.database import DatabaseUrl
from cathouse.schema import AuditAddress, AuditEvent, Cat, Erasure, Installation, Mail, Task, User
from tests.factories import accounts
from tests.factories.accounts import PASSWORD, registration
from tests.factories.cats import SECRET
from tests.fixtures.erasures import add, everything
from tests.fixtures.furnished import CANARY, Home, furnish, published
from tests.fixtures.house import House, Person, run_house
from tests.fixtures.letters import letter

ME = "/api/v1/users/me"
LOGIN = "/api/v1/auth/login"


async def leave(house: House, person: Person, *, expect: int = 204) -> None:
    await house.call("auth", "DELETE", ME, person=person, expect=expect)


async def until_done(engine: Engine, *, person: Person | None = None, rounds: int = 1) -> None:
    """Wait until the owners have forgotten ``person``, or everybody who left: once, or (repeated) for good."""
    over = select(Erasure.next_attempt_at.is_(None) if rounds == 2 else Erasure.repeat_at.is_(None))
    if person is not None:
        over = over.where(Erasure.user_id == person.id)

    def is_over() -> bool:
        with engine.connect() as connection:
            return all(connection.scalars(over).all())

    for _ in range(600):
        if await asyncio.to_thread(is_over):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("somebody is still known")


async def personalise(house: House, home: Home) -> list[str]:
    """Write something of the person's into every place that auth-service has, and return the words to look for."""
    player = home.player
    await house.call("auth", "PATCH", ME, {"display_name": f"Mia {CANARY}", "timezone": "Asia/Tokyo"}, person=player)
    hours = {"start": "08:00", "end": "20:00", "timezone": "Asia/Tokyo"}
    preferences = {"nickname": CANARY, "custom_hours": hours}
    await house.call("auth", "PATCH", f"{ME}/preferences", preferences, person=player)
    await house.call("auth", "POST", "/api/v1/auth/password/forgot", {"email": player.email}, expect=202)
    await house.call("auth", "POST", f"{ME}/totp", person=player)
    await house.call("auth", "POST", LOGIN, {"email": player.email, "password": "wrong"}, expect=401)
    return [CANARY, player.email, player.email.upper(), "Asia/Tokyo"]


async def test_nothing_of_a_person_who_left_stays(house: House) -> None:
    home = await furnish(house, await published(house))
    words = await personalise(house, home)
    with house.engine.connect() as connection:
        assert connection.scalar(select(AuditAddress.ip).limit(1)) == "127.0.0.1"
    await leave(house, home.player)
    refresh = {"refresh_token": home.player.tokens["refresh_token"]}
    await house.call("auth", "POST", "/api/v1/auth/refresh", refresh, expect=401)
    await house.call("auth", "POST", LOGIN, {"email": home.player.email, "password": PASSWORD}, expect=401)
    await letter(house, home.player.email, "Your account is being erased")
    await until_done(house.engine)
    rows = everything(house.engine)
    for word in words:
        assert [row for row in rows if word in row] == []
    with house.engine.connect() as connection:
        user = connection.execute(select(User).where(User.id == home.player.id)).one()
        assert (user.display_name, user.is_active, user.password_hash) == (NOBODY, False, None)
        theirs = select(AuditEvent.action).where(AuditEvent.actor_id == home.player.id)
        assert {"user.registered", "user.erasure_requested"} <= set(connection.scalars(theirs))
        addresses = select(AuditEvent.actor_id).join(AuditAddress, AuditAddress.audit_event_id == AuditEvent.id)
        assert home.player.id not in set(connection.scalars(addresses))
    for method, path in (("GET", ME), ("DELETE", ME), ("GET", f"{ME}/preferences")):
        gone = await house.call("auth", method, path, person=home.player, expect=401)
        assert gone.json()["code"] == "invalid_token"
    again = await house.call("auth", "POST", "/api/v1/auth/register", registration(email=home.player.email), expect=201)
    assert again.json()["id"] != str(home.player.id)


async def test_a_developers_cats_stop_and_an_admin_cannot_bring_anything_back(house: House) -> None:
    cat = await published(house)
    with house.engine.connect() as connection:
        developer_id, address = connection.execute(
            select(User.id, User.email).join(Cat, Cat.developer_id == User.id)
        ).one()
    developer = await house.log_in(address, developer_id)
    home, admin = await furnish(house, cat), await house.admin()
    await leave(house, developer)
    await until_done(house.engine)
    refused = await house.interact(home.player, home.installed, "Hello", expect=423)
    assert refused.json()["code"] == "cat_suspended"
    refused = await house.call("catalog", "POST", f"/api/v1/cats/{cat['id']}/reinstate", person=admin, expect=409)
    assert refused.json()["code"] == "developer_gone"
    path = f"/api/v1/users/{developer.id}"
    refused = await house.call("auth", "PATCH", path, {"is_active": True}, person=admin, expect=409)
    assert refused.json()["code"] == "account_erased"


async def test_what_was_made_with_the_last_access_token_goes_in_the_second_round(house: House) -> None:
    home, stranger = await furnish(house, await published(house)), await house.register()
    await leave(house, home.player)
    await until_done(house.engine)
    with house.engine.connect() as connection:
        again_in = connection.scalar(select(Erasure.next_attempt_at - Erasure.created_at))
        assert again_in is not None
        assert dt.timedelta(minutes=10, seconds=50) < again_in < dt.timedelta(minutes=11, seconds=10)
    cat, given = home.installed["cat"], {"grants": {"storage": True}, "secrets": {SECRET["name"]: "x"}}
    late = await house.install(home.player, cat, instance_name="Too late", config={"city": "x"}, **given)
    await house.execute(update(Erasure).values(next_attempt_at=dt.datetime.now(dt.UTC)))
    await leave(house, stranger)  # its commit wakes the worker
    await until_done(house.engine, person=home.player, rounds=2)
    with house.engine.connect() as connection:
        status = select(Installation.status).where(Installation.id == late["id"])
        assert connection.scalar(status) == "uninstalled"
        ended = select(AuditEvent.subject).where(AuditEvent.action == "user.erased")
        assert list(connection.scalars(ended)) == [{"user_id": str(home.player.id)}]


@pytest.mark.parametrize("down", ["catalog_url", "installation_url"])
async def test_it_is_finished_later_when_an_owner_is_down_and_the_process_ends_meanwhile(
    clean_db: DatabaseUrl, down: str
) -> None:
    nowhere: dict[str, Any] = {down: HttpUrl("http://127.0.0.1:1")}
    async with run_house(clean_db, **nowhere) as house:
        home = await furnish(house, await published(house))
        await leave(house, home.player)
        other = "catalog_step" if down == "installation_url" else "installation_step"
        for _ in range(400):
            with house.engine.connect() as connection:
                row = connection.execute(select(Erasure.auth_step, getattr(Erasure, other), Erasure.repeat_at)).one()
            if row[:2] == ("done", "done"):
                break
            await asyncio.sleep(0.05)
        assert row[:2] == ("done", "done")
        assert row.repeat_at is not None  # the one that is down is waited for
    async with run_house(clean_db) as house:
        stranger = await house.register()
        await house.execute(update(Erasure).values(next_attempt_at=dt.datetime.now(dt.UTC)))
        await leave(house, stranger)  # its commit wakes the worker
        await until_done(house.engine)
        assert not [row for row in everything(house.engine) if home.player.email in row or CANARY in row]


async def test_the_last_admin_stays(house: House) -> None:
    admin = await house.admin()
    answer = await house.call("auth", "DELETE", ME, person=admin, expect=409)
    assert answer.json()["code"] == "last_admin"
    other = await house.admin()
    answers = await asyncio.gather(
        *(house.call("auth", "DELETE", ME, person=each, expect=None) for each in (admin, other))
    )
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    with house.engine.connect() as connection:
        active = select(User.id).where(User.role == "admin", User.is_active)
        assert len(connection.scalars(active).all()) == 1


async def test_leaving_twice_at_once_is_leaving(house: House) -> None:
    person = await house.register()
    answers = await asyncio.gather(*(house.call("auth", "DELETE", ME, person=person, expect=None) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, 401, 401, 401, 401]
    await until_done(house.engine)


async def exported(house: House, person: Person) -> dict[str, Any]:
    answer = await house.call("auth", "GET", f"{ME}/export", person=person)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    parts: dict[str, Any] = json.loads(answer.content)
    return parts


async def test_everything_that_is_held_about_a_person_can_be_taken_along(house: House) -> None:
    cat = await published(house)
    home, stranger = await furnish(house, cat), await furnish(house, cat)
    await personalise(house, home)
    parts = await exported(house, home.player)
    assert parts["user"]["email"] == home.player.email
    assert {row["ip"] for row in parts["audit_addresses"]} == {"127.0.0.1"}
    full = {name for name, rows in parts.items() if rows}
    of_developers = {"api_keys", "cats", "permissions", "releases", "reports"}
    assert parts.keys() - full == of_developers
    assert {row["id"] for row in parts["installations"]} == {home.installed["id"], home.ended["id"]}
    assert CANARY in json.dumps(parts["stored_values"])
    assert all("wrapped_value" not in row for row in parts["secrets"])
    text_of_all = json.dumps(parts)
    for foreign in (*stranger.ids, stranger.player.email):
        assert foreign not in text_of_all
    for secret in ("password_hash", "$argon2", "token_hash", "wrapped", "whsec_"):
        assert secret not in text_of_all


async def test_a_developer_takes_cats_and_keys_along_without_what_opens_them(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.draft(developer)
    key = {"name": "tool", "scopes": ["catalog:read"]}
    made = (await house.call("auth", "POST", "/api/v1/api-keys", key, person=developer, expect=201)).json()
    parts = await exported(house, developer)
    assert [row["slug"] for row in parts["cats"]] == [cat["slug"]]
    assert len(parts["releases"]) == 1
    assert [row["prefix"] for row in parts["api_keys"]] == [made["prefix"]]
    assert made["key"] not in json.dumps(parts)
    assert house.cat_secrets[cat["slug"]] not in json.dumps(parts)


async def test_a_long_list_is_taken_along_whole(house: House) -> None:
    person = await house.register()
    add(house.engine, *(Task(user_id=person.id, title=f"task {number}") for number in range(450)))
    parts = await exported(house, person)
    assert {row["title"] for row in parts["tasks"]} == {f"task {number}" for number in range(450)}


async def test_mails_to_who_left_are_not_sent_any_more(clean_db: DatabaseUrl) -> None:
    """But for the one that says goodbye."""
    server = "smtp://127.0.0.1:1"
    async with run_house(clean_db, mail_url=server, email_verification="optional") as house:
        person = await house.register()
        await leave(house, person)
        await until_done(house.engine)
        with house.engine.connect() as connection:
            assert list(connection.scalars(select(Mail.kind))) == ["account_erased"]
            wrapped = str(connection.execute(text("SELECT m::text FROM cathouse.mails AS m")).all())
        assert person.email not in wrapped
        assert accounts.PASSWORD not in wrapped
