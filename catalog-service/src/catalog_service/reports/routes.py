"""Reports over HTTP."""

import datetime as dt
import uuid
from functools import partial
from typing import Annotated

from fastapi import APIRouter

from catalog_service.reports.schemas import ReportCreation, ReportView
from catalog_service.reports.service import ReportService
from cathouse.identity import CurrentAdmin, CurrentPlayer
from cathouse.schema import ReportState
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Once, Page, provided, view_of

router = APIRouter(tags=["reports"])

Reports = Annotated[ReportService, provided("reports")]


@router.post("/api/v1/cats/{cat_id}/reports", status_code=201)
async def report_cat(
    cat_id: uuid.UUID, person: CurrentPlayer, creation: ReportCreation, reports: Reports, once: Once
) -> ReportView:
    """Tell the admins that something is wrong with a cat."""
    return await once.answer(
        person.user_id, lambda: reports.report(person, cat_id, creation), partial(view_of, ReportView)
    )


@router.get("/api/v1/reports")
async def list_reports(
    *,
    _admin: CurrentAdmin,
    reports: Reports,
    state: ReportState | None = None,
    cat_id: uuid.UUID | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ReportView]:
    """All reports, newest first."""
    filters = {"state": state, "cat_id": cat_id}
    keyset = Keyset.read(cursor, limit=limit, filters=filters, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await reports.list(state=state, cat_id=cat_id, keyset=keyset)
    return Page[ReportView](items=[view_of(ReportView, row) for row in rows], next_cursor=next_cursor)


@router.post("/api/v1/reports/{report_id}/resolve")
async def resolve_report(report_id: uuid.UUID, admin: CurrentAdmin, reports: Reports) -> ReportView:
    """Close a report: it was right, and something was done."""
    return view_of(ReportView, await reports.close(admin.user_id, report_id, ReportState.RESOLVED))


@router.post("/api/v1/reports/{report_id}/dismiss")
async def dismiss_report(report_id: uuid.UUID, admin: CurrentAdmin, reports: Reports) -> ReportView:
    """Close a report: there was nothing to do."""
    return view_of(ReportView, await reports.close(admin.user_id, report_id, ReportState.DISMISSED))
