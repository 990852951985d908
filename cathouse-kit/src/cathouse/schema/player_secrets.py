"""Owner: installation-service, which only wraps. Readers: proxy, which alone unwraps; auth the names (export)."""

import uuid

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import ALL_COLUMNS, Base, Timestamped, foreign, owned_by


class PlayerSecret(Timestamped, Base):
    """A player's credential for an external host, wrapped under the player-secrets key that ``key_id`` names."""

    __tablename__ = "player_secrets"

    installation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(foreign("installations.id"), ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrapped_value: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(String(16))

    __table_args__ = (
        owned_by(
            "installation",
            readers={"auth": ("installation_id", "name", "created_at", "updated_at"), "proxy": ALL_COLUMNS},
        ),
    )
