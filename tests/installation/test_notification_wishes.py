"""How a player wants to be told of notifications: in the inbox, by mail, or neither."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from pydantic import HttpUrl
from sqlalchemy import ColumnElement, func, select, update

from cathouse.database import DatabaseUrl
from cathouse.schema import Notification
from installation_service.notifications import repository
from tests.fixtures.cat_calls import token
from tests.fixtures.house import House, Person, run_house
from tests.fixtures.letters import letter, letters, mailed_token, text_of
from tests.fixtures.waiting import until

INBOX = "/api/v1/notifications"
SUBJECT = "Misty has something to tell you"


async def verified(house: House) -> Person:
    person = await house.register()
    secret = await mailed_token(house, person.email, "Confirm your e-mail address")
    await house.call("auth", "POST", "/api/v1/auth/email/verify", {"token": secret}, expect=204)
    return person


async def prefer(house: House, person: Person, **wishes: bool) -> None:
    wish = {"communication_preferences": {"email": True, "sms": False, "in_app": True, **wishes}}
    await house.call("auth", "PATCH", "/api/v1/users/me/preferences", wish, person=person)


async def home(house: House, player: Person) -> dict[str, Any]:
    cat = await house.publish(await house.register("developer"), name="Purrplexity")
    return await house.install(player, cat, grants={"storage": True, "notification": True})


async def notify(house: House, installed: dict[str, Any], title: str) -> None:
    """From a cat that waits until it may speak again."""
    note = {"title": title, "body": f"{title}, in full."}
    async with asyncio.timeout(10):
        while True:
            answer = await house.call(
                "installation", "POST", "/api/v1/cat/notifications", note, headers=token(installed), expect=None
            )
            if answer.status_code != 429:
                break
            await asyncio.sleep(0.2)
    assert answer.status_code == 201, answer.text


async def until_none_waits(house: House) -> None:
    await until(lambda: counted(house, Notification.next_attempt_at.is_not(None)) == 0)


def counted(house: House, *which: ColumnElement[bool]) -> int:
    """The notifications of that kind."""
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count(Notification.id)).where(*which)) or 0


async def test_who_wants_mail_gets_one_with_the_title_and_nothing_of_the_text(house: House) -> None:
    player = await verified(house)
    await prefer(house, player, email=True)
    installed = await home(house, player)
    await notify(house, installed, "Dinner")
    said = text_of(await letter(house, player.email, SUBJECT))
    assert "“Dinner”" in said
    assert "in full" not in said
    # The next one of this installation is in the inbox, which is enough.
    await notify(house, installed, "Dessert")
    await until_none_waits(house)
    inbox = (await house.call("installation", "GET", INBOX, person=player)).json()
    assert [item["title"] for item in inbox["items"]] == ["Dessert", "Dinner"]
    assert inbox["unread_count"] == 2
    assert not letters(house, player.email)
    # And later there is a mail again.
    await house.execute(update(Notification).values(created_at=func.now() - 2 * repository.MAILED_EVERY))
    await notify(house, installed, "Breakfast")
    assert "“Breakfast”" in text_of(await letter(house, player.email, SUBJECT))


async def test_who_wants_none_finds_them_read_and_gets_no_mail(house: House) -> None:
    player = await verified(house)
    await prefer(house, player, email=False, in_app=False)
    installed = await home(house, player)
    await notify(house, installed, "Dinner")
    inbox = (await house.call("installation", "GET", INBOX, person=player)).json()
    assert inbox["unread_count"] == 0
    (item,) = inbox["items"]
    assert item["read_at"] == item["created_at"]
    with house.engine.connect() as connection:
        assert connection.scalar(select(Notification.next_attempt_at)) is None
    assert not letters(house, player.email)


async def test_a_mail_that_auth_service_did_not_take_is_asked_for_again_by_the_next_process(
    clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "PAUSES", (dt.timedelta(0),))
    async with run_house(clean_db) as house:
        player = await verified(house)
        await prefer(house, player, email=True)
        installed = await home(house, player)
    nowhere: dict[str, Any] = {"auth_url": HttpUrl("http://127.0.0.1:1")}
    async with run_house(clean_db, **nowhere) as house:
        await notify(house, installed, "Dinner")
        await until(lambda: counted(house, Notification.attempts > 0))
    async with run_house(clean_db) as house:
        assert "“Dinner”" in text_of(await letter(house, player.email, SUBJECT))
        await until_none_waits(house)
