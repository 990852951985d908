"""Owner: catalog-service. Readers: installation, proxy, auth (the export of a developer's data)."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import ALL_COLUMNS, Base, Entity, foreign, owned_by

if TYPE_CHECKING:
    from cathouse.schema.cats import Cat
    from cathouse.schema.release_permissions import ReleasePermission


class Release(Entity, Base):
    """One version of a cat: where it answers and all that it asks for. Immutable once ``published_at`` is set.

    ``precedence`` orders versions as SemVer 2.0.0 section 11 does (prereleases are not accepted).
    ``consent_epoch`` rises when a release asks for more than the one before it.
    """

    __tablename__ = "releases"

    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="CASCADE"))
    version: Mapped[str] = mapped_column(String(32))
    precedence: Mapped[list[int]] = mapped_column(
        ARRAY(Integer), Computed("string_to_array(version, '.')::integer[]", persisted=True)
    )
    endpoint_url: Mapped[str] = mapped_column(String(2048))
    changelog: Mapped[str] = mapped_column(Text, server_default="")
    config_schema: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    egress_hosts: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    secrets: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    timeout_s: Mapped[int] = mapped_column(SmallInteger, server_default=text("15"))
    consent_epoch: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    published_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    cat: Mapped["Cat"] = relationship(back_populates="releases", lazy="raise")
    permissions: Mapped[list["ReleasePermission"]] = relationship(
        back_populates="release", lazy="raise", passive_deletes=True
    )

    __table_args__ = (
        UniqueConstraint("cat_id", "version"),
        CheckConstraint(r"version ~ '^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$'", name="version"),
        CheckConstraint("endpoint_url ~ '^https?://'", name="endpoint_url"),
        CheckConstraint("timeout_s BETWEEN 1 AND 25", name="timeout_s"),
        CheckConstraint("consent_epoch >= 1", name="consent_epoch"),
        Index(
            "ix_releases_effective",
            "cat_id",
            "precedence",
            "consent_epoch",
            postgresql_where=text("published_at IS NOT NULL"),
        ),
        owned_by("catalog", readers={"auth": ALL_COLUMNS, "installation": ALL_COLUMNS, "proxy": ALL_COLUMNS}),
    )
