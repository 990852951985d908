"""Owner: auth-service. Readers: installation (may it notify?), proxy (the nickname that a cat is told)."""

import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import Base, Entity, foreign, owned_by

if TYPE_CHECKING:
    from cathouse.schema.users import User


class UserPreferences(Entity, Base):
    """How a person wants to be treated; one row a person."""

    __tablename__ = "user_preferences"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="CASCADE"), unique=True)
    custom_hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    theme: Mapped[str] = mapped_column(String(40), server_default="modern")
    communication_preferences: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("""'{"email": true, "sms": false, "in_app": true}'::jsonb""")
    )
    onboarding_completed: Mapped[bool] = mapped_column(server_default=text("false"))
    nickname: Mapped[str | None] = mapped_column(String(80))

    user: Mapped["User"] = relationship(back_populates="preferences", lazy="raise")

    __table_args__ = (
        owned_by(
            "auth",
            readers={"installation": ("user_id", "communication_preferences"), "proxy": ("user_id", "nickname")},
        ),
    )
