"""All SQL about reports."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.errors import CatNotFoundError
from catalog_service.reports.schemas import ReportCreation
from cathouse.database import AnyRow, broken_constraint, newest_first
from cathouse.schema import CatReport, ReportState

_VIEW = (CatReport.id, CatReport.cat_id, CatReport.reason, CatReport.text, CatReport.state, CatReport.created_at)


async def wait_for_turn(session: AsyncSession, cat_id: uuid.UUID, reporter_id: uuid.UUID) -> None:
    """Let one report of a person about a cat at a time go on, until its transaction ends."""
    key = func.hashtextextended(f"report {cat_id} {reporter_id}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def has_open_report(session: AsyncSession, cat_id: uuid.UUID, reporter_id: uuid.UUID) -> bool:
    """Whether a report of the person about the cat waits for an admin."""
    query = select(CatReport.id).where(
        CatReport.cat_id == cat_id, CatReport.reporter_id == reporter_id, CatReport.state == ReportState.OPEN
    )
    return (await session.execute(query.limit(1))).first() is not None


async def add_report(
    session: AsyncSession, cat_id: uuid.UUID, reporter_id: uuid.UUID, creation: ReportCreation
) -> AnyRow:
    """Keep a report.

    Raises:
        CatNotFoundError: the cat is removed in the same instant.
    """
    statement = (
        insert(CatReport)
        .values(id=uuid.uuid4(), cat_id=cat_id, reporter_id=reporter_id, reason=creation.reason, text=creation.text)
        .returning(*_VIEW)
    )
    try:
        return (await session.execute(statement)).one()
    except IntegrityError as error:
        if broken_constraint(error) == "fk_cat_reports_cat_id_cats":
            raise CatNotFoundError from None
        raise


async def list_reports(
    session: AsyncSession,
    *,
    state: ReportState | None,
    cat_id: uuid.UUID | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """Reports, newest first."""
    query = select(*_VIEW)
    if state is not None:
        query = query.where(CatReport.state == state)
    if cat_id is not None:
        query = query.where(CatReport.cat_id == cat_id)
    query = newest_first(query, CatReport.created_at, CatReport.id, after=after, limit=limit)
    return (await session.execute(query)).all()


async def find_report(session: AsyncSession, report_id: uuid.UUID) -> AnyRow | None:
    """One report."""
    return (await session.execute(select(*_VIEW).where(CatReport.id == report_id))).one_or_none()


async def close(session: AsyncSession, report_id: uuid.UUID, state: ReportState) -> AnyRow | None:
    """Close an open report; None when it is not open, or not there."""
    statement = (
        update(CatReport)
        .where(CatReport.id == report_id, CatReport.state == ReportState.OPEN)
        .values(state=state, closed_at=func.now())
        .returning(*_VIEW)
    )
    return (await session.execute(statement)).one_or_none()
