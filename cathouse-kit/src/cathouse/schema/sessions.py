"""Owner: auth-service. Readers: nobody else."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import Base, Entity, foreign, owned_by

if TYPE_CHECKING:
    from cathouse.schema.users import User


class Session(Entity, Base):
    """One log-in on one device, and the chain of its refresh tokens.

    A refresh token is recomputed from the session's id and ``refresh_counter`` under the key ``key_id``;
    nothing of it is stored. ``authenticated_at`` and ``amr`` go into every access token of the session.
    """

    __tablename__ = "sessions"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="CASCADE"))
    refresh_counter: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    key_id: Mapped[str] = mapped_column(String(32))
    authenticated_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    amr: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{pwd}'"))
    rotated_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    user_agent: Mapped[str | None] = mapped_column(String(400))
    ip: Mapped[str | None] = mapped_column(String(45))
    last_used_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    idle_expires_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_reason: Mapped[str | None] = mapped_column(String(40))

    user: Mapped["User"] = relationship(back_populates="sessions", lazy="raise")

    __table_args__ = (
        CheckConstraint("refresh_counter >= 0", name="refresh_counter"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked"),
        Index("ix_sessions_user_id_living", "user_id", postgresql_where=text("revoked_at IS NULL")),
        Index(None, "expires_at"),
        owned_by("auth"),
    )
