"""Owner: auth-service. Readers: nobody else. Rows live 90 days."""

import uuid

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, Entity, owned_by


class AuditAddress(Entity, Base):
    """From which address an audited event came: kept apart, since the event itself can never be removed."""

    __tablename__ = "audit_addresses"

    audit_event_id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), unique=True)
    ip: Mapped[str] = mapped_column(String(45))

    __table_args__ = (Index(None, "created_at"), owned_by("auth"))
