"""Owner: catalog-service. Readers: installation, proxy."""

import uuid
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import ALL_COLUMNS, Base, Timestamped, foreign, owned_by

if TYPE_CHECKING:
    from cathouse.schema.permissions import Permission
    from cathouse.schema.releases import Release


class ReleasePermission(Timestamped, Base):
    """What was asked for at one release: what an installation of that release was consented to."""

    __tablename__ = "release_permissions"

    release_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(foreign("releases.id"), ondelete="CASCADE"), primary_key=True
    )
    permission_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(foreign("permissions.id"), ondelete="CASCADE"), primary_key=True
    )
    description: Mapped[str] = mapped_column(Text)
    required: Mapped[bool] = mapped_column(server_default=text("false"))

    release: Mapped["Release"] = relationship(back_populates="permissions", lazy="raise")
    permission: Mapped["Permission"] = relationship(lazy="raise")

    __table_args__ = (
        Index(None, "permission_id"),
        owned_by("catalog", readers={"installation": ALL_COLUMNS, "proxy": ALL_COLUMNS}),
    )
