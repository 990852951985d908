"""Owner: installation-service. Readers: catalog (how many live), proxy, auth (the export of a person's data)."""

import datetime as dt
import enum
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    ScalarSelect,
    String,
    Text,
    and_,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column, relationship
from sqlalchemy.sql.selectable import LateralFromClause

from cathouse.schema.base import ALL_COLUMNS, Base, Entity, foreign, one_of, owned_by
from cathouse.schema.cats import Cat, CatStatus
from cathouse.schema.installation_permissions import InstallationPermission
from cathouse.schema.permissions import Permission
from cathouse.schema.release_permissions import ReleasePermission
from cathouse.schema.releases import Release

if TYPE_CHECKING:
    from cathouse.schema.users import User


class InstallationStatus(enum.StrEnum):
    """What the player decided; suspensions stand beside it."""

    ACTIVE = "active"
    PAUSED = "paused"
    UNINSTALLED = "uninstalled"


class Installation(Entity, Base):
    """A cat in a player's home, under a name of its own.

    ``consent_epoch`` is how far the player has consented: the effective release is the highest published one
    whose epoch is not above it. ``grant_generation`` rises with each revocation. The developer's and the
    operator's suspension are two things, each lifted by the same hand only. ``purged_at`` is when what its cat stored,
    and its player's secrets, were removed after it was uninstalled.
    """

    __tablename__ = "installations"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("users.id"), ondelete="RESTRICT"))
    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="RESTRICT"))
    consent_epoch: Mapped[int] = mapped_column(Integer)
    instance_name: Mapped[str] = mapped_column(String(80))
    config: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    status: Mapped[str] = mapped_column(String(16), server_default=InstallationStatus.ACTIVE.value)
    developer_suspended_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    developer_suspension_reason: Mapped[str | None] = mapped_column(Text)
    operator_suspended_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    operator_suspension_reason: Mapped[str | None] = mapped_column(Text)
    grant_generation: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    installed_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    uninstalled_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    purged_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    last_interaction_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    user: Mapped["User"] = relationship(back_populates="installations", lazy="raise")
    cat: Mapped["Cat"] = relationship(back_populates="installations", lazy="raise")
    grants: Mapped[list["InstallationPermission"]] = relationship(
        back_populates="installation", lazy="raise", passive_deletes=True
    )

    __table_args__ = (
        one_of("status", InstallationStatus),
        CheckConstraint("instance_name <> ''", name="instance_name"),
        CheckConstraint("consent_epoch >= 1", name="consent_epoch"),
        CheckConstraint("grant_generation >= 1", name="grant_generation"),
        CheckConstraint("jsonb_typeof(config) = 'object'", name="config"),
        CheckConstraint("(status = 'uninstalled') = (uninstalled_at IS NOT NULL)", name="uninstalled_at"),
        CheckConstraint(
            "(developer_suspended_at IS NULL) = (developer_suspension_reason IS NULL)", name="developer_suspension"
        ),
        CheckConstraint(
            "(operator_suspended_at IS NULL) = (operator_suspension_reason IS NULL)", name="operator_suspension"
        ),
        Index(
            "uq_installations_living_name",
            "user_id",
            "cat_id",
            "instance_name",
            unique=True,
            postgresql_where=text("status <> 'uninstalled'"),
        ),
        Index(None, "cat_id", "created_at", "id"),
        Index(None, "user_id", "status"),
        Index(None, "user_id", "created_at", "id"),
        Index(None, "updated_at"),
        Index(
            "ix_installations_unpurged",
            "uninstalled_at",
            postgresql_where=text("uninstalled_at IS NOT NULL AND purged_at IS NULL"),
        ),
        owned_by(
            "installation",
            readers={
                "auth": ALL_COLUMNS,
                "catalog": ("id", "user_id", "cat_id", "status", "installed_at", "updated_at"),
                "proxy": ALL_COLUMNS,
            },
        ),
    )


def effective_release(*columns: InstrumentedAttribute[Any]) -> LateralFromClause:
    """The release that an installation runs, as a lateral subquery beside ``Installation`` and ``Cat``.

    It is the highest published one whose epoch the player has consented to: nothing has to be rewritten when a release
    is published. While a cat is a draft, its developer's own installations run what is being written. Both services
    that need it take it from here.
    """
    is_tried = and_(Cat.status == CatStatus.DRAFT.value, Cat.developer_id == Installation.user_id)
    return (
        select(*columns)
        .where(
            Release.cat_id == Installation.cat_id,
            or_(
                and_(Release.published_at.is_not(None), Release.consent_epoch <= Installation.consent_epoch),
                and_(Release.published_at.is_(None), is_tried),
            ),
        )
        .correlate(Installation, Cat)
        .order_by(Release.precedence.desc())
        .limit(1)
        .lateral("effective")
    )


def is_active() -> ColumnElement[bool]:
    """Whether the cat may be called, and may call, for ``Installation`` right now; beside ``Cat``."""
    return and_(
        Installation.status == InstallationStatus.ACTIVE.value,
        Installation.developer_suspended_at.is_(None),
        Installation.operator_suspended_at.is_(None),
        Cat.status != CatStatus.SUSPENDED.value,
    )


def granted_now(effective: LateralFromClause) -> ScalarSelect[Any]:
    """The types of the permissions that are granted at this moment, as an array; beside ``Installation``.

    ``effective`` is :func:`effective_release` with ``Release.id`` among its columns. What the release that runs does
    not ask for any more is not granted: the player can neither see it nor take it back.
    """
    return (
        select(func.coalesce(func.array_agg(Permission.permission_type), array([], type_=Text), type_=ARRAY(Text)))
        .select_from(InstallationPermission)
        .join(Permission, Permission.id == InstallationPermission.permission_id)
        .join(ReleasePermission, ReleasePermission.permission_id == Permission.id)
        .where(
            InstallationPermission.installation_id == Installation.id,
            InstallationPermission.granted,
            ReleasePermission.release_id == effective.c.id,
        )
        .correlate(Installation, effective)
        .scalar_subquery()
    )
