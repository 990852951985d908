"""Owner: catalog-service. Readers: auth (the export of a person's reports)."""

import datetime as dt
import enum
import uuid

from sqlalchemy import DateTime, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import ALL_COLUMNS, Base, Entity, foreign, one_of, owned_by


class ReportState(enum.StrEnum):
    """What became of a report."""

    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


class ReportReason(enum.StrEnum):
    """What a report is about."""

    HARMFUL = "harmful"
    MISLEADING = "misleading"
    PRIVACY = "privacy"
    SPAM = "spam"
    BROKEN = "broken"
    OTHER = "other"


class CatReport(Entity, Base):
    """Somebody's complaint about a cat, for the admins."""

    __tablename__ = "cat_reports"

    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="CASCADE"))
    reporter_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="RESTRICT"))
    reason: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), server_default=ReportState.OPEN.value)
    closed_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        one_of("reason", ReportReason),
        one_of("state", ReportState),
        Index(None, "state", "created_at", "id"),
        Index(None, "cat_id"),
        Index(None, "reporter_id"),
        owned_by("catalog", readers={"auth": ALL_COLUMNS}),
    )
