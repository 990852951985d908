"""Owner: auth-service. Readers: nobody else."""

import datetime as dt

from sqlalchemy import CheckConstraint, DateTime, Index, Integer, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, owned_by


class LoginAttempt(Entity, Base):
    """Failed log-ins for one address, known or unknown: ``key`` is the SHA-256 of the normalised address."""

    __tablename__ = "login_attempts"

    key: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    locked_until: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("failures >= 0", name="failures"),
        Index(None, "updated_at"),
        owned_by("auth"),
    )
