"""Owner: installation-service. Readers: auth (the export of a person's data)."""

import datetime as dt
import uuid

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import ALL_COLUMNS, Base, Identified, foreign, one_of, owned_by
from cathouse.schema.permissions import PermissionType

LONGEST_ACTION = 280


class PermissionUse(Identified, Base):
    """That a cat used what it was granted: reads gathered over a few seconds (``count``), writes one by one.

    ``action`` of an external call is its method and its host, whose name may have 253 characters.
    """

    __tablename__ = "permission_uses"

    installation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("installations.id"), ondelete="CASCADE"))
    permission_type: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(LONGEST_ACTION))
    at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    count: Mapped[int] = mapped_column(Integer, server_default=text("1"))

    __table_args__ = (
        one_of("permission_type", PermissionType),
        CheckConstraint("count >= 1", name="count"),
        Index(None, "installation_id", "at"),
        Index(None, "at"),
        owned_by("installation", readers={"auth": ALL_COLUMNS}),
    )
