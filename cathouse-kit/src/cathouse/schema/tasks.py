"""Owner: installation-service. Readers: auth (the export of a person's data)."""

import datetime as dt
import enum
import uuid
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import ALL_COLUMNS, Base, Entity, foreign, one_of, owned_by

if TYPE_CHECKING:
    from cathouse.schema.users import User


class TaskStatus(enum.StrEnum):
    """Whether a task is done."""

    PENDING = "pending"
    COMPLETED = "completed"


class TaskPriority(enum.StrEnum):
    """How much a task matters to its owner."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Task(Entity, Base):
    """Something that a player wants done, noted by the player or by a cat (``installation_id``)."""

    __tablename__ = "tasks"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="CASCADE"))
    installation_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey(foreign("installations.id"), ondelete="SET NULL")
    )
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), server_default=TaskStatus.PENDING.value)
    priority: Mapped[str] = mapped_column(String(16), server_default=TaskPriority.MEDIUM.value)
    due_date: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    completed_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    user: Mapped["User"] = relationship(back_populates="tasks", lazy="raise")

    __table_args__ = (
        one_of("status", TaskStatus),
        one_of("priority", TaskPriority),
        CheckConstraint("title <> ''", name="title"),
        CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed_at"),
        CheckConstraint("cardinality(tags) <= 20", name="tags"),
        Index(None, "user_id", "created_at", "id"),
        Index(None, "user_id", "status"),
        Index(None, "priority"),
        Index(None, "due_date"),
        Index(None, "created_at"),
        Index(None, "installation_id"),
        Index(None, "tags", postgresql_using="gin"),
        owned_by("installation", readers={"auth": ALL_COLUMNS}),
    )
