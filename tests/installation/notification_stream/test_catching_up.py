"""Who comes back with the last event's id hears what was missed, once."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import func, text, update

from cathouse.schema import Notification
from installation_service.notifications import streams
from tests.fixtures.gaps import stop_after, stop_before
from tests.fixtures.house import House
from tests.installation.notification_stream.listening import home_of, listening

REPOSITORY = "installation_service.notifications.repository"


async def test_who_comes_back_misses_nothing(house: House) -> None:
    home = await home_of(house)
    async with listening(house, home.player.headers) as listener:
        first, second = await home.send(0, "first"), await home.send(1, "second")
        await listener.hears(2)
    missed = await home.send(2, "missed")
    long_ago = update(Notification).where(Notification.id == uuid.UUID(first["id"]))
    await house.execute(long_ago.values(created_at=func.now() - text("interval '90 seconds'")))
    async with listening(house, home.player.headers, since=second["id"]) as listener:
        await listener.hears(2)
        assert [event["id"] for event in listener.events] == [second["id"], missed["id"]]
    async with listening(house, home.player.headers, since=first["id"]) as listener:
        await listener.hears(3)
        await asyncio.sleep(0.2)
        assert listener.titles == ["first", "second", "missed"]


async def test_who_was_cut_off_before_anything_came_misses_nothing(house: House) -> None:
    home = await home_of(house)
    await home.send(0, "long ago")
    await house.execute(update(Notification).values(created_at=func.now() - text("interval '90 seconds'")))
    async with listening(house, home.player.headers) as listener:
        await listener.until(lambda listener: listener.place is not None)
    await home.send(1, "missed")
    async with listening(house, home.player.headers, since=listener.place) as again:
        await again.hears(1)
        await home.send(2, "new")
        await again.hears(2)
        assert (again.titles, again.place) == (["missed", "new"], None)


async def test_who_was_cut_off_twice_before_anything_came_misses_nothing(house: House) -> None:
    home = await home_of(house, cats=1)
    place = None
    for _ in range(2):
        async with listening(house, home.player.headers, since=place) as listener:
            await listener.until(lambda listener: listener.place is not None)
            place = listener.place
    await home.send(0, "missed")
    async with listening(house, home.player.headers, since=place) as listener:
        await listener.hears(1)
        assert listener.titles == ["missed"]


async def test_what_the_player_does_not_want_to_be_told_is_not_caught_up(house: House) -> None:
    home = await home_of(house)
    first, silent = await home.send(0, "first"), await home.send(1, "silent")
    as_if_unwanted = update(Notification).where(Notification.id == uuid.UUID(silent["id"]))
    await house.execute(as_if_unwanted.values(read_at=Notification.created_at))
    await house.call("installation", "POST", f"/api/v1/notifications/{first['id']}/read", person=home.player)
    await home.send(2, "last")
    async with listening(house, home.player.headers, since=first["id"]) as listener:
        await listener.hears(2)
        assert listener.titles == ["first", "last"]


async def test_of_very_many_the_newest_come(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_CAUGHT_UP", 2)
    home = await home_of(house)
    sent = [await home.send(number, str(number)) for number in range(3)]
    async with listening(house, home.player.headers, since=sent[0]["id"]) as listener:
        await listener.hears(2)
        assert listener.titles == ["1", "2"]


async def test_an_id_that_means_nothing_is_no_error(house: House) -> None:
    theirs = await (await home_of(house, cats=1)).send(0, "theirs")
    ids = (theirs["id"], str(uuid.uuid4()), "x" * 300, "", "%00", "urn:", "1764131234")
    times = ("2020-01-01", "2020-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9000-01-01T00:00:00Z")
    strange = [*ids, *times]
    home = await home_of(house, cats=len(strange) + 1)
    await home.send(len(strange), "before")
    for number, since in enumerate(strange):
        async with listening(house, home.player.headers, since=since) as listener:
            title = f"after {number}"
            await home.send(number, title)
            await listener.hears(1)
            await asyncio.sleep(0.1)
            assert listener.titles == [title]


@pytest.mark.parametrize("stop_at", [stop_before, stop_after])
async def test_nothing_is_lost_between_what_was_missed_and_what_is_new(
    house: House, monkeypatch: pytest.MonkeyPatch, stop_at: Any
) -> None:
    home = await home_of(house, cats=6)
    first = await home.send(0, "0")
    gap = stop_at(monkeypatch, f"{REPOSITORY}.notifications_since")

    async def listen_on() -> list[str]:
        async with listening(house, home.player.headers, since=first["id"]) as listener:
            await home.send(5, "5")
            await listener.hears(6)
            await asyncio.sleep(0.2)
            return listener.titles

    listens = asyncio.create_task(listen_on())
    await gap.reached()
    for number in range(1, 5):
        await home.send(number, str(number))
    gap.go_on()
    assert await listens == ["0", "1", "2", "3", "4", "5"]


async def test_nothing_is_lost_while_many_send_and_streams_come_and_go(house: House) -> None:
    home = await home_of(house, cats=8)
    first = await home.send(0, "0")

    async def speak(cat: int) -> None:
        await asyncio.sleep(cat * 0.03)
        await home.send(cat, str(cat))

    speaking = [asyncio.create_task(speak(cat)) for cat in range(1, 8)]
    heard = []
    for _ in range(8):
        async with listening(house, home.player.headers, since=first["id"]) as listener:
            await asyncio.sleep(0.03)
            heard.append(listener)
    await asyncio.gather(*speaking)
    async with listening(house, home.player.headers, since=first["id"]) as listener:
        await listener.hears(8)
        assert sorted(listener.titles) == [str(number) for number in range(8)]
    for each in heard:
        assert len(set(each.titles)) == len(each.titles)
