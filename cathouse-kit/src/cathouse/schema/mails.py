"""Owner: auth-service. Readers: nobody else. Rows live until the mail is sent, or is of no use any more."""

import datetime as dt
import uuid

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, foreign, owned_by


class Mail(Entity, Base):
    """A mail that is still to be sent, written in the transaction that promises it.

    ``wrapped`` is what it says, encrypted under JWT_SECRET: there are tokens in it that a dump must not give away.
    """

    __tablename__ = "mails"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    wrapping_key_id: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_attempt_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    expires_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts"),
        Index(None, "user_id", "kind"),
        Index(None, "next_attempt_at"),
        owned_by("auth"),
    )
