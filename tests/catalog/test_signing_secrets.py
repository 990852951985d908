"""A cat's signing secret is replaced with a day of overlap, in which both sign."""

import asyncio
import datetime as dt

from sqlalchemy import func, select, text, update

from cathouse.schema import Cat
from tests.fixtures.house import House, Person

CATS = "/api/v1/cats"


async def secret(house: House, developer: Person, cat_id: str) -> dict[str, object]:
    path = f"{CATS}/{cat_id}/signing-secret"
    found: dict[str, object] = (await house.call("catalog", "GET", path, person=developer)).json()
    return found


async def test_the_new_secret_signs_beside_the_old_one_for_a_day(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    old = await secret(house, developer, cat["id"])
    assert (old["version"], old["previous_valid_until"]) == (1, None)
    path = f"{CATS}/{cat['id']}/signing-secret/rotate"
    new = (await house.call("catalog", "POST", path, person=developer)).json()
    assert new["version"] == 2
    assert new["secret"] != old["secret"]
    until = dt.datetime.fromisoformat(new["previous_valid_until"])
    assert dt.timedelta(hours=23, minutes=59) < until - dt.datetime.now(dt.UTC) <= dt.timedelta(hours=24)
    assert await secret(house, developer, cat["id"]) == new
    await house.interact(player, installed, "Hello")  # the cat still checks with the old one
    house.cat_secrets[cat["slug"]] = new["secret"]
    await house.interact(player, installed, "Hello")
    again = await house.call("catalog", "POST", path, person=developer, expect=409)
    assert again.json()["code"] == "rotation_too_soon"
    with house.engine.begin() as connection:
        connection.execute(update(Cat).values(signing_secret_rotated_at=func.now() - text("interval '25 hours'")))
    assert (await secret(house, developer, cat["id"]))["previous_valid_until"] is None
    await house.interact(player, installed, "Hello")
    house.cat_secrets[cat["slug"]] = str(old["secret"])
    refused = await house.interact(player, installed, "Hello", expect=None)
    assert refused.status_code != 200  # the old one is worth nothing any more


async def test_of_two_rotations_at_once_one_takes_place(house: House) -> None:
    developer, other = await house.register("developer"), await house.register("developer")
    cat = await house.draft(developer)
    path = f"{CATS}/{cat['id']}/signing-secret/rotate"
    await house.call("catalog", "POST", path, person=other, expect=404)
    calls = (house.call("catalog", "POST", path, person=developer, expect=None) for _ in range(4))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    with house.engine.connect() as connection:
        assert connection.scalar(select(Cat.signing_secret_version)) == 2
