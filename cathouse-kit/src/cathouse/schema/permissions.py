"""Owner: catalog-service. Readers: installation, proxy, auth (the export of a person's grants)."""

import enum
import uuid
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cathouse.schema.base import ALL_COLUMNS, Base, Entity, foreign, one_of, owned_by

if TYPE_CHECKING:
    from cathouse.schema.cats import Cat
    from cathouse.schema.installation_permissions import InstallationPermission


class PermissionType(enum.StrEnum):
    """What a cat can ask to be allowed."""

    STORAGE = "storage"
    NOTIFICATION = "notification"
    EXTERNAL_API = "external_api"
    TASKS = "tasks"


class Permission(Entity, Base):
    """What a cat asks for, in its developer's words, as of its latest release."""

    __tablename__ = "permissions"

    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="CASCADE"))
    permission_type: Mapped[str] = mapped_column(String(16))
    description: Mapped[str] = mapped_column(Text)
    required: Mapped[bool] = mapped_column(server_default=text("false"))

    cat: Mapped["Cat"] = relationship(back_populates="permissions", lazy="raise")
    grants: Mapped[list["InstallationPermission"]] = relationship(
        back_populates="permission", lazy="raise", passive_deletes="all"
    )

    __table_args__ = (
        UniqueConstraint("cat_id", "permission_type"),
        one_of("permission_type", PermissionType),
        owned_by("catalog", readers={"auth": ALL_COLUMNS, "installation": ALL_COLUMNS, "proxy": ALL_COLUMNS}),
    )
