"""Owner: auth-service. Readers: nobody else."""

import datetime as dt
import enum
import uuid

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, foreign, one_of, owned_by


class ErasureStep(enum.StrEnum):
    """How far one owner is with forgetting a person."""

    PENDING = "pending"
    DONE = "done"


class Erasure(Entity, Base):
    """A person's wish to be forgotten, with a step for each owner: what makes it finish after a crash.

    All steps run once more at ``repeat_at``, when the last access token has ended.
    """

    __tablename__ = "erasures"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="RESTRICT"), unique=True)
    auth_step: Mapped[str] = mapped_column(String(16), server_default=ErasureStep.PENDING.value)
    catalog_step: Mapped[str] = mapped_column(String(16), server_default=ErasureStep.PENDING.value)
    installation_step: Mapped[str] = mapped_column(String(16), server_default=ErasureStep.PENDING.value)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_attempt_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    repeat_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        one_of("auth_step", ErasureStep),
        one_of("catalog_step", ErasureStep),
        one_of("installation_step", ErasureStep),
        CheckConstraint("attempts >= 0", name="attempts"),
        Index("ix_erasures_due", "next_attempt_at", postgresql_where=text("next_attempt_at IS NOT NULL")),
        owned_by("auth"),
    )
