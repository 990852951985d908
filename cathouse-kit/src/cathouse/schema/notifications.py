"""Owner: installation-service. Readers: auth (the export of a person's data)."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import ALL_COLUMNS, Base, Entity, foreign, owned_by


class Notification(Entity, Base):
    """A message from a cat to its player.

    ``next_attempt_at`` is when auth-service is to be asked to mail the player about it, null: it is not, or was; and
    ``attempts`` how often that was tried.
    """

    __tablename__ = "notifications"

    installation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("installations.id"), ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(Text)
    data: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    read_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_attempt_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index(None, "user_id", "created_at", "id"),
        Index("ix_notifications_unread", "user_id", "created_at", "id", postgresql_where=text("read_at IS NULL")),
        Index(None, "installation_id", "created_at"),
        Index("ix_notifications_to_mail", "next_attempt_at", postgresql_where=text("next_attempt_at IS NOT NULL")),
        owned_by("installation", readers={"auth": ALL_COLUMNS}),
    )
