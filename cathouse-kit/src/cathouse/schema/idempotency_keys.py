"""Shared on purpose by catalog-service and installation-service. Rows live 24 hours."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import DateTime, Index, LargeBinary, SmallInteger, String, func
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, owned_by


class IdempotencyKey(Base):
    """The answer that a creating POST got under its ``Idempotency-Key``, written down with what it tells of.

    ``principal`` is a person, or an installation whose cat called.
    """

    __tablename__ = "idempotency_keys"

    service: Mapped[str] = mapped_column(String(16), primary_key=True)
    principal: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    route: Mapped[str] = mapped_column(String(120), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    body: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (Index(None, "created_at"), owned_by("catalog", sharers=("installation",)))
