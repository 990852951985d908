"""A player, and a cat that may have tasks."""

from typing import Any

import pytest

from tests.factories.cats import STORAGE, TASKS
from tests.fixtures.cat_calls import token
from tests.fixtures.house import House, Person
from tests.installation.tasks.calls import GRANTS, MAY, Headers


@pytest.fixture
async def player(house: House) -> Person:
    return await house.register()


@pytest.fixture
async def home(house: House, player: Person) -> dict[str, Any]:
    """The player's installation of a cat that may do things with tasks."""
    cat = await house.publish(await house.register("developer"), permissions=[STORAGE, TASKS])
    return await house.install(player, cat, grants=GRANTS)


@pytest.fixture
def cat(home: dict[str, Any]) -> Headers:
    return token(home, MAY)
