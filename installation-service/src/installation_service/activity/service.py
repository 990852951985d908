"""The rules of activity."""

from cathouse.database import Database
from installation_service.activity import repository
from installation_service.activity.schemas import InteractionReports


class ActivityService:
    """Takes proxy-service's reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, reports: InteractionReports) -> None:
        """Keep them; one that was reported before changes nothing."""
        rows = [report.model_dump() for report in reports.interactions]
        await self._database.write(lambda session: repository.add_interactions(session, rows))
