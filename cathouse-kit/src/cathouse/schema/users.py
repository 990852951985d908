"""Owner: auth-service. Readers: catalog (developers' names), installation and proxy (is the person active?)."""

import datetime as dt
import enum
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, DateTime, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import Base, Entity, one_of, owned_by

if TYPE_CHECKING:
    from cathouse.schema.cats import Cat
    from cathouse.schema.installations import Installation
    from cathouse.schema.sessions import Session
    from cathouse.schema.tasks import Task
    from cathouse.schema.user_preferences import UserPreferences


LONG_PASSWORD = 15
"""Code points that a developer's or admin's password has at least (design/security.md)."""


class Role(enum.StrEnum):
    """What an account may do; each role includes the ones before it."""

    PLAYER = "player"
    DEVELOPER = "developer"
    ADMIN = "admin"


class User(Entity, Base):
    """An account. ``email`` is kept as given; ``email_key`` (lower case) is what makes it unique.

    ``password_is_long``: whether it has ``LONG_PASSWORD``; the hash does not tell.
    """

    __tablename__ = "users"

    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    email_verified_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_is_long: Mapped[bool] = mapped_column(server_default=text("false"))
    role: Mapped[str] = mapped_column(String(16), server_default=Role.PLAYER.value)
    display_name: Mapped[str] = mapped_column(String(80))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    clerk_user_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    timezone: Mapped[str] = mapped_column(String(64), server_default="UTC")

    preferences: Mapped["UserPreferences | None"] = relationship(
        back_populates="user", lazy="raise", passive_deletes=True
    )
    sessions: Mapped[list["Session"]] = relationship(back_populates="user", lazy="raise", passive_deletes=True)
    cats: Mapped[list["Cat"]] = relationship(back_populates="developer", lazy="raise", passive_deletes="all")
    installations: Mapped[list["Installation"]] = relationship(
        back_populates="user", lazy="raise", passive_deletes="all"
    )
    tasks: Mapped[list["Task"]] = relationship(back_populates="user", lazy="raise", passive_deletes=True)

    __table_args__ = (
        one_of("role", Role),
        CheckConstraint("email_key = lower(email_key)", name="email_key_lower"),
        CheckConstraint("display_name <> ''", name="display_name"),
        Index(None, "role"),
        Index(None, "created_at", "id"),
        Index(None, "updated_at"),
        owned_by(
            "auth",
            readers={
                "catalog": ("id", "display_name", "role", "is_active", "updated_at"),
                "installation": ("id", "display_name", "role", "is_active", "timezone"),
                "proxy": ("id", "is_active", "timezone"),
            },
        ),
    )
