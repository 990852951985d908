"""Owner: installation-service: its outbox towards the cats. Readers: nobody else."""

import datetime as dt
import enum
import uuid
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, foreign, one_of, owned_by


class LifecycleEventType(enum.StrEnum):
    """What a cat is told about an installation; the type of the envelope."""

    CREATED = "installation.created"
    PAUSED = "installation.paused"
    RESUMED = "installation.resumed"
    UPGRADED = "installation.upgraded"
    PERMISSIONS_CHANGED = "installation.permissions_changed"
    SUSPENDED = "installation.suspended"
    REINSTATED = "installation.reinstated"
    UNINSTALLED = "installation.uninstalled"


class LifecycleEvent(Entity, Base):
    """What a cat is still to be told about an installation, in the order of ``sequence``.

    ``next_attempt_at`` null: delivered, or given up. ``attempt_log`` is what the developer sees of each attempt, and
    ``attempts`` how often it was taken to be delivered: more often when a process ended meanwhile.
    What is sent is put together when it is: nobody writes ``payload``, and no release since this one names it.
    """

    __tablename__ = "lifecycle_events"

    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    installation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("installations.id"), ondelete="CASCADE"))
    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="RESTRICT"))
    event: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    attempt_log: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    next_attempt_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    delivered_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        one_of("event", LifecycleEventType),
        CheckConstraint("attempts >= 0", name="attempts"),
        Index("ix_lifecycle_events_due", "next_attempt_at", postgresql_where=text("next_attempt_at IS NOT NULL")),
        Index(None, "installation_id", "sequence"),
        Index(None, "cat_id", "created_at", "id"),
        Index(None, "created_at"),
        owned_by("installation"),
    )
