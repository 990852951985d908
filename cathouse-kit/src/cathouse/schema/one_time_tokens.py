"""Owner: auth-service. Readers: nobody else."""

import datetime as dt
import enum
import uuid

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, foreign, one_of, owned_by


class TokenPurpose(enum.StrEnum):
    """What a mailed token may be spent on."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a purpose
    CHANGE_EMAIL = "change_email"


class OneTimeToken(Entity, Base):
    """A mailed token, kept as its SHA-256. ``email`` is the address that a ``change_email`` token confirms."""

    __tablename__ = "one_time_tokens"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str | None] = mapped_column(String(320))
    expires_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        one_of("purpose", TokenPurpose),
        Index(None, "user_id", "purpose"),
        Index(None, "expires_at"),
        owned_by("auth"),
    )
