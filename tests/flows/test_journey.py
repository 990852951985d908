"""The journey of the README, in process."""

from tests.fixtures.house import House


async def test_a_player_talks_to_a_cat(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    player = await house.register()
    installation = await house.install(player, cat)
    answer = await house.interact(player, installation, "Hello")
    assert answer.json()["output"]["visits"] == 1
