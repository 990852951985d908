"""Owner: auth-service reads; all four insert. Nobody, the owner of the database included, changes or removes a row."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import DateTime, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Identified, owned_by


class AuditEvent(Identified, Base):
    """Who did what to what. Ids only: no foreign keys and no personal data, so that it outlives an erasure."""

    __tablename__ = "audit_events"

    at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    actor_id: Mapped[uuid.UUID | None] = mapped_column(UUID(as_uuid=True))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))

    __table_args__ = (
        Index(None, "at", "id"),
        Index(None, "actor_id", "at"),
        Index(None, "action", "at"),
        owned_by("auth", inserters=("catalog", "installation", "proxy"), append_only=True),
    )
    # RETURNING needs SELECT, which the inserting services do not have.
    __mapper_args__: Any = {"eager_defaults": False}  # noqa: RUF012 - read once, when the class is made
