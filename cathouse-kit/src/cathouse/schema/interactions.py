"""Owner: installation-service (proxy reports to it). Readers: catalog (an owner's stats), auth (export). 30 days."""

import datetime as dt
import enum
import uuid

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import ALL_COLUMNS, Base, Identified, foreign, owned_by


class InteractionKind(enum.StrEnum):
    """What was called, and by whom. Statistics are about the first alone."""

    INTERACTION = "interaction"
    """The cat, by a player."""

    EXTERNAL = "external"
    """A host outside, by the cat."""


CLIENT_LEFT = "client_left"
"""The ``proxy_error`` of a call that its caller did not wait for: no fault of the cat's."""


class Interaction(Identified, Base):
    """That an interaction took place and how it went; never what was said."""

    __tablename__ = "interactions"

    installation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("installations.id"), ondelete="CASCADE"))
    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(32))
    status_code: Mapped[int] = mapped_column(SmallInteger)
    proxy_error: Mapped[str | None] = mapped_column(String(64))
    duration_ms: Mapped[int] = mapped_column(Integer)
    bytes_in: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    bytes_out: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        CheckConstraint("duration_ms >= 0 AND bytes_in >= 0 AND bytes_out >= 0", name="amounts"),
        Index(None, "cat_id", "at"),
        Index(None, "installation_id", "at"),
        Index(None, "at"),
        owned_by("installation", readers={"auth": ALL_COLUMNS, "catalog": ALL_COLUMNS}),
    )
