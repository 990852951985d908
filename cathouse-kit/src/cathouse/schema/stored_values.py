"""Owner: installation-service. Readers: auth (the export of a person's data)."""

import uuid
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import ALL_COLUMNS, Base, Timestamped, foreign, owned_by


class StoredValue(Timestamped, Base):
    """One JSON value that a cat keeps for one installation. ``revision`` rises with each write: its ETag."""

    __tablename__ = "stored_values"

    installation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(foreign("installations.id"), ondelete="CASCADE"), primary_key=True
    )
    # "C" makes prefixes and cursors follow the bytes, whatever the database's collation.
    key: Mapped[str] = mapped_column(String(128, collation="C"), primary_key=True)
    # A JSON null is a value like any other here, so None is not SQL NULL.
    value: Mapped[Any] = mapped_column(JSONB, nullable=False)
    revision: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))

    __table_args__ = (
        CheckConstraint("key ~ '^[A-Za-z0-9._/-]{1,128}$'", name="key"),
        CheckConstraint("revision >= 1", name="revision"),
        owned_by("installation", readers={"auth": ALL_COLUMNS}),
    )
