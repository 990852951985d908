"""Owner: installation-service: its outbox towards the cats. Readers: nobody else."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, foreign, owned_by


class LifecycleEvent(Entity, Base):
    """What a cat is still to be told about an installation, in the order of ``sequence``.

    ``next_attempt_at`` null: delivered, or given up. ``attempt_log`` is what the developer sees of each attempt.
    An erasure empties ``payload`` and leaves the event: what is sent must not depend on it.
    """

    __tablename__ = "lifecycle_events"

    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    installation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("installations.id"), ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    attempt_log: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    next_attempt_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    delivered_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts"),
        Index("ix_lifecycle_events_due", "next_attempt_at", postgresql_where=text("next_attempt_at IS NOT NULL")),
        Index(None, "installation_id", "sequence"),
        owned_by("installation"),
    )
