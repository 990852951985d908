"""Owner: installation-service. Readers: proxy, auth (the export of a person's grants)."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import ALL_COLUMNS, Base, Timestamped, foreign, owned_by

if TYPE_CHECKING:
    from cathouse.schema.installations import Installation
    from cathouse.schema.permissions import Permission


class InstallationPermission(Timestamped, Base):
    """A player's answer to one permission. No row, or ``granted`` false, means no."""

    __tablename__ = "installation_permissions"

    installation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(foreign("installations.id"), ondelete="CASCADE"), primary_key=True
    )
    permission_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(foreign("permissions.id"), ondelete="RESTRICT"), primary_key=True
    )
    granted: Mapped[bool] = mapped_column(server_default=text("false"))
    granted_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    installation: Mapped["Installation"] = relationship(back_populates="grants", lazy="raise")
    permission: Mapped["Permission"] = relationship(back_populates="grants", lazy="raise")

    __table_args__ = (
        CheckConstraint("granted = (granted_at IS NOT NULL)", name="granted_at"),
        Index(None, "permission_id"),
        owned_by("installation", readers={"auth": ALL_COLUMNS, "proxy": ALL_COLUMNS}),
    )
