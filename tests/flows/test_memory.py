"""What a process holds of a service that has ended: nothing. It is also what tests of hundreds of services live on."""

import gc

from cathouse.database import Database, DatabaseUrl
from tests.fixtures.house import run_house


def databases(name: str) -> list[Database]:
    """The ways to a database that are still alive."""
    return [each for each in gc.get_objects() if isinstance(each, Database) and each.url.name == name]


async def test_nothing_of_a_service_stays_behind(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db) as house:
        for service in house.urls:
            for path in ("/metrics", "/api/v1/health", "/openapi.json", "/docs"):
                await house.call(service, "GET", path)
        await house.publish(await house.register("developer"))
        assert len(databases(clean_db.name)) == len(house.urls)
        del house
    gc.collect()
    assert databases(clean_db.name) == []
