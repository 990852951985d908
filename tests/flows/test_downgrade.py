"""A house that people live in goes back to an older revision, and forward again, with what they have."""

import asyncio

from sqlalchemy import Engine, func, select

from cathouse.database import DatabaseUrl
from cathouse.schema import Installation, LifecycleEvent
from cathouse.upkeep.migrations import downgrade, upgrade
from tests.fixtures.furnished import furnish, published
from tests.fixtures.house import run_house


async def test_every_revision_goes_back_and_forward_with_rows(clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    async with run_house(clean_db) as house:
        await furnish(house, await published(house))
    await asyncio.to_thread(downgrade, clean_db, "0001")
    await asyncio.to_thread(upgrade, clean_db)
    with owner_engine.connect() as connection:
        events = select(func.count()).select_from(LifecycleEvent)
        of_its_cat = events.join(Installation).where(LifecycleEvent.cat_id == Installation.cat_id)
        kept = connection.scalar(events)
        assert kept
        assert connection.scalar(of_its_cat) == kept
