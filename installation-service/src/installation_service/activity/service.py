"""The rules of activity."""

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.web import Keyset
from installation_service.activity import repository
from installation_service.activity.schemas import InteractionReports
from installation_service.installations.ownership import check_owner


class ActivityService:
    """Takes proxy-service's reports, and shows players what happened."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, reports: InteractionReports) -> None:
        """Keep them; one that was reported before changes nothing."""
        rows = [report.model_dump() for report in reports.interactions]
        await self._database.write(lambda session: repository.add_interactions(session, rows))

    async def list(
        self, user_id: uuid.UUID, installation_id: uuid.UUID, *, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of what happened in the player's installation, newest first, and the cursor of the next.

        Raises:
            InstallationNotFoundError
        """

        async def read(session: AsyncSession) -> Sequence[AnyRow]:
            await check_owner(session, installation_id, user_id)
            return await repository.list_activity(session, installation_id, after=keyset.after, limit=keyset.limit + 1)

        return keyset.page(await self._database.read(read), lambda row: (row.at, row.id))
