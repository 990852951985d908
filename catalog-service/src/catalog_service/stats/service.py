"""The rules of stats."""

import datetime as dt
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.ownership import check_owner
from catalog_service.stats import repository
from catalog_service.stats.schemas import DayView, InstallationCounts, StatsView
from cathouse.database import Database

DAYS = 30
"""As long as installation-service keeps interactions."""


class StatsService:
    """Counts what took place with a cat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, developer_id: uuid.UUID, cat_id: uuid.UUID) -> StatsView:
        """The stats of the developer's cat; days on which nothing took place are there as well.

        Raises:
            CatNotFoundError: also when it is somebody else's.
        """
        today = dt.datetime.now(dt.UTC).date()
        dates = [today - dt.timedelta(days=ago) for ago in reversed(range(DAYS))]

        async def read(session: AsyncSession) -> StatsView:
            await check_owner(session, cat_id, developer_id)
            days = await repository.count_interactions(session, cat_id, since=dates[0])
            return StatsView(
                installations=InstallationCounts(**await repository.count_installations(session, cat_id)),
                days=[
                    DayView(date=date, interactions=days[date].interactions, failures=days[date].failures)
                    if date in days
                    else DayView(date=date, interactions=0, failures=0)
                    for date in dates
                ],
            )

        return await self._database.read(read)
