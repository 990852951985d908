"""Owner: catalog-service. Readers: nobody else; everybody reads it through the public moderation log."""

import enum
import uuid

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, foreign, one_of, owned_by


class ModerationAction(enum.StrEnum):
    """What was done with a cat."""

    SUSPENDED = "suspended"
    REINSTATED = "reinstated"


class ModerationEntry(Entity, Base):
    """That a cat was stopped, or let go on, and why. Which admin did it is in the audit, and not here."""

    __tablename__ = "moderation_entries"

    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="CASCADE"))
    action: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        one_of("action", ModerationAction),
        Index(None, "created_at", "id"),
        Index(None, "cat_id"),
        owned_by("catalog"),
    )
