"""Owner: installation-service. Readers: proxy, auth (the export of a person's data)."""

import uuid

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import ALL_COLUMNS, Base, Timestamped, foreign, owned_by


class PlayerAlias(Timestamped, Base):
    """The only name by which a cat knows a player: random, different for every cat, kept over reinstalls."""

    __tablename__ = "player_aliases"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="RESTRICT"), primary_key=True)
    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="CASCADE"), primary_key=True)
    alias: Mapped[uuid.UUID] = mapped_column(
        UUID(as_uuid=True), default=uuid.uuid4, server_default=text("gen_random_uuid()"), unique=True
    )

    __table_args__ = (
        Index(None, "cat_id"),
        owned_by("installation", readers={"auth": ALL_COLUMNS, "proxy": ALL_COLUMNS}),
    )
