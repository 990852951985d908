"""All SQL about external calls: one look-up that decides everything."""

import uuid

from sqlalchemy import and_, bindparam, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, AnySelect
from cathouse.schema import Cat, Installation, PlayerSecret, Release, effective_release, granted_now, is_active


def _select_caller() -> AnySelect:
    effective = effective_release(Release.id, Release.egress_hosts, Release.secrets)
    return (
        select(
            Installation.id,
            Installation.cat_id,
            is_active().label("is_active"),
            granted_now(effective).label("granted"),
            effective.c.egress_hosts,
            effective.c.secrets,
            PlayerSecret.wrapped_value,
            PlayerSecret.key_id,
        )
        .join(Cat, Cat.id == Installation.cat_id)
        .outerjoin(effective, true())
        .outerjoin(
            PlayerSecret,
            and_(PlayerSecret.installation_id == Installation.id, PlayerSecret.name == bindparam("secret")),
        )
        .where(Installation.id == bindparam("installation_id"))
    )


_CALLER = _select_caller()


async def find_caller(session: AsyncSession, installation_id: uuid.UUID, secret: str | None) -> AnyRow | None:
    """How the installation stands right now, what its release declares, and the player's ``secret``, wrapped.

    ``wrapped_value`` is null where the player gave none of that name.
    """
    given = {"installation_id": installation_id, "secret": secret or ""}
    return (await session.execute(_CALLER, given)).one_or_none()
