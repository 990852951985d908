"""The audit over HTTP."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from auth_service.audit.schemas import AuditEventView
from auth_service.audit.service import AuditService
from cathouse.identity import CurrentAdmin
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, provided, view_of

router = APIRouter(prefix="/api/v1/audit-events", tags=["audit"])

Action = Annotated[str | None, Query(pattern=r"^[a-z_.]{1,64}$", description="For example `user.registered`.")]


@router.get("")
async def list_audit_events(
    _admin: CurrentAdmin,
    audit: Annotated[AuditService, provided("audit")],
    actor_id: uuid.UUID | None = None,
    action: Action = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[AuditEventView]:
    """What was done in all services, newest first."""
    filters = {"actor_id": actor_id, "action": action}
    keyset = Keyset.read(cursor, limit=limit, filters=filters, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await audit.list(actor_id=actor_id, action=action, keyset=keyset)
    return Page[AuditEventView](items=[view_of(AuditEventView, row) for row in rows], next_cursor=next_cursor)
