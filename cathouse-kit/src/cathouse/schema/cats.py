"""Owner: catalog-service. Readers: installation, proxy, auth (the export of a developer's data)."""

import datetime as dt
import enum
import uuid
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, String, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import ALL_COLUMNS, Base, Entity, foreign, one_of, owned_by

if TYPE_CHECKING:
    from cathouse.schema.installations import Installation
    from cathouse.schema.permissions import Permission
    from cathouse.schema.releases import Release
    from cathouse.schema.users import User


class CatStatus(enum.StrEnum):
    """Where a cat stands: being written, in the catalog, or stopped by an admin."""

    DRAFT = "draft"
    PUBLISHED = "published"
    SUSPENDED = "suspended"


DEVELOPER_GONE = "developer_gone"
"""The ``suspension_reason`` of a cat whose developer was erased. Nobody lifts this suspension."""


class Cat(Entity, Base):
    """A companion. ``version`` and ``endpoint_url`` are those of its latest published release (or of its draft).

    Its signing secret is derived from ``signing_root``, its id and ``signing_secret_version``; nothing of it is
    stored. ``previous_signing_root`` and ``signing_secret_rotated_at`` keep the one before it alive for 24 h.
    """

    __tablename__ = "cats"

    developer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="RESTRICT"))
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(String(32))
    endpoint_url: Mapped[str] = mapped_column(String(2048))
    status: Mapped[str] = mapped_column(String(16), server_default=CatStatus.DRAFT.value)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    icon_url: Mapped[str | None] = mapped_column(String(2048))
    support_url: Mapped[str | None] = mapped_column(String(2048))
    privacy_url: Mapped[str | None] = mapped_column(String(2048))
    deprecation: Mapped[str | None] = mapped_column(Text)
    suspension_reason: Mapped[str | None] = mapped_column(Text)
    status_before_suspension: Mapped[str | None] = mapped_column(String(16))
    signing_secret_version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    signing_root: Mapped[str] = mapped_column(String(16))
    previous_signing_root: Mapped[str | None] = mapped_column(String(16))
    signing_secret_rotated_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    developer: Mapped["User"] = relationship(back_populates="cats", lazy="raise")
    releases: Mapped[list["Release"]] = relationship(back_populates="cat", lazy="raise", passive_deletes=True)
    permissions: Mapped[list["Permission"]] = relationship(back_populates="cat", lazy="raise", passive_deletes=True)
    installations: Mapped[list["Installation"]] = relationship(
        back_populates="cat", lazy="raise", passive_deletes="all"
    )

    __table_args__ = (
        one_of("status", CatStatus),
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="slug"),
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint("endpoint_url ~ '^https?://'", name="endpoint_url"),
        CheckConstraint("cardinality(tags) <= 20", name="tags"),
        CheckConstraint(
            "(status = 'suspended') = (suspension_reason IS NOT NULL)"
            " AND (status = 'suspended') = (status_before_suspension IS NOT NULL)",
            name="suspension",
        ),
        CheckConstraint("status_before_suspension IN ('draft', 'published')", name="status_before_suspension"),
        CheckConstraint("signing_secret_version >= 1", name="signing_secret_version"),
        Index(None, "developer_id", "status"),
        Index(None, "status"),
        Index(None, "tags", postgresql_using="gin"),
        Index("ix_cats_newest", "created_at", "id", postgresql_where=text("status = 'published'")),
        Index("ix_cats_name", func.lower(text("name")), "id", postgresql_where=text("status = 'published'")),
        owned_by("catalog", readers={"auth": ALL_COLUMNS, "installation": ALL_COLUMNS, "proxy": ALL_COLUMNS}),
    )
