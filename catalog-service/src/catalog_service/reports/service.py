"""The rules of reports."""

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.ownership import visible_cat
from catalog_service.reports import repository
from catalog_service.reports.errors import ReportClosedError, ReportNotFoundError, ReportOpenError
from catalog_service.reports.schemas import ReportCreation
from cathouse.database import AnyRow, Database, record_event
from cathouse.identity import Principal
from cathouse.schema import ReportState
from cathouse.web import Keyset


class ReportService:
    """Takes reports, and lets admins work them off."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, person: Principal, cat_id: uuid.UUID, creation: ReportCreation) -> AnyRow:
        """Keep a report about a cat that the person may know of.

        Raises:
            CatNotFoundError, ReportOpenError: nothing was kept.
        """

        async def keep(session: AsyncSession) -> AnyRow:
            await visible_cat(session, cat_id, person)
            await repository.wait_for_turn(session, cat_id, person.user_id)
            if await repository.has_open_report(session, cat_id, person.user_id):
                raise ReportOpenError
            kept = await repository.add_report(session, cat_id, person.user_id, creation)
            subject = {"report_id": kept.id, "cat_id": cat_id}
            detail = {"reason": creation.reason}
            await record_event(session, "report.made", actor_id=person.user_id, subject=subject, detail=detail)
            return kept

        return await self._database.write(keep)

    async def list(
        self, *, state: ReportState | None, cat_id: uuid.UUID | None, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of reports, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_reports(
                session, state=state, cat_id=cat_id, after=keyset.after, limit=keyset.limit + 1
            )
        )
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def close(self, admin_id: uuid.UUID, report_id: uuid.UUID, state: ReportState) -> AnyRow:
        """Say what became of a report.

        Raises:
            ReportNotFoundError, ReportClosedError: nothing was changed.
        """

        async def close(session: AsyncSession) -> AnyRow:
            closed = await repository.close(session, report_id, state)
            if closed is None:
                found = await repository.find_report(session, report_id)
                raise ReportNotFoundError if found is None else ReportClosedError(found.state)
            subject = {"report_id": report_id, "cat_id": closed.cat_id}
            await record_event(session, f"report.{state}", actor_id=admin_id, subject=subject)
            return closed

        return await self._database.write(close)
