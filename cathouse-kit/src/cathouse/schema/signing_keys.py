"""Owner: auth-service. Readers: nobody else; the public parts are served as a JWKS."""

import datetime as dt
import enum
from typing import Any

from sqlalchemy import DateTime, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, one_of, owned_by


class SigningKeyState(enum.StrEnum):
    """A key's life: published before it signs, kept until its last token has ended, or revoked."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    REVOKED = "revoked"


class SigningKey(Entity, Base):
    """A key for access tokens. The private part is wrapped under the JWT_SECRET that ``wrapping_key_id`` names."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(43), unique=True)
    alg: Mapped[str] = mapped_column(String(16), server_default="ES256")
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    wrapped_private: Mapped[bytes] = mapped_column(LargeBinary)
    wrapping_key_id: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16), server_default=SigningKeyState.PENDING.value)
    activated_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    retired_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        one_of("state", SigningKeyState),
        Index("uq_signing_keys_active", "state", unique=True, postgresql_where=text("state = 'active'")),
        owned_by("auth"),
    )
