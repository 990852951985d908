"""Owner: auth-service. Readers: nobody else."""

import datetime as dt
import enum
import uuid

from sqlalchemy import BigInteger, DateTime, ForeignKey, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, foreign, one_of, owned_by


class SecondFactorKind(enum.StrEnum):
    """Time-based one-time passwords (RFC 6238) are the only kind."""

    TOTP = "totp"


class SecondFactor(Entity, Base):
    """A person's second factor. ``last_step`` is the last time step that was used: each counts once."""

    __tablename__ = "second_factors"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16), server_default=SecondFactorKind.TOTP.value)
    wrapped_secret: Mapped[bytes] = mapped_column(LargeBinary)
    wrapping_key_id: Mapped[str] = mapped_column(String(32))
    confirmed_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    recovery_code_hashes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default=text("'{}'"))
    last_step: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        one_of("kind", SecondFactorKind),
        UniqueConstraint("user_id", "kind"),
        owned_by("auth"),
    )
