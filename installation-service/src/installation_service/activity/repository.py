"""All SQL about activity."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    UUID,
    BindParameter,
    ColumnElement,
    DateTime,
    Integer,
    bindparam,
    cast,
    delete,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from cathouse.database import AnyRow, AnySelect, change_portion
from cathouse.schema import Installation, Interaction, InteractionKind, PermissionType, PermissionUse

KEPT_FOR = dt.timedelta(days=30)
"""The table list in design/architecture.md."""


def use_of(
    installation_id: uuid.UUID | BindParameter[uuid.UUID],
    permission: PermissionType,
    action: str,
    *,
    use_id: BindParameter[uuid.UUID] | None = None,
) -> Insert:
    """What notes a use of ``permission``: to be executed beside the deed, or as a CTE of it.

    A statement that is made once has parameters for the installation, and for the id of the use.
    """
    own_id = literal(uuid.uuid4()) if use_id is None else use_id
    noted = select(own_id.label("id"), Installation.id, literal(permission.value), literal(action)).where(
        Installation.id == installation_id
    )
    return insert(PermissionUse).from_select(["id", "installation_id", "permission_type", "action"], noted)


async def add_uses(
    session: AsyncSession, counts: Mapping[tuple[uuid.UUID, PermissionType, str], int], *, at: dt.datetime
) -> None:
    """Note uses that were gathered until ``at``; ``counts`` says how many of each."""
    known = await _known(session, {installation_id for installation_id, _, _ in counts})
    rows = [
        {
            "id": uuid.uuid4(),
            "installation_id": installation_id,
            "permission_type": permission.value,
            "action": action,
            "at": at,
            "count": count,
        }
        for (installation_id, permission, action), count in counts.items()
        if installation_id in known
    ]
    if rows:
        await session.execute(insert(PermissionUse), rows)


async def add_interactions(session: AsyncSession, reports: Sequence[dict[str, Any]]) -> None:
    """Keep what is new among ``reports``: a report may come twice, and its installation may be gone by now.

    What names another cat than the installation's is dropped as well: one such report must not stop a whole batch.
    One with an ``action`` is also a use of ``external_api``, at the same moment.
    """
    known = await _known(session, {report["installation_id"] for report in reports})
    kept = [report for report in reports if known.get(report["installation_id"]) == report["cat_id"]]
    if not kept:
        return
    rows = [{name: value for name, value in report.items() if name != "action"} for report in kept]
    await session.execute(insert(Interaction).values(rows).on_conflict_do_nothing(constraint="pk_interactions"))
    uses = [_reported_use(report) for report in kept if report["action"] is not None]
    if uses:
        await session.execute(
            insert(PermissionUse).values(uses).on_conflict_do_nothing(constraint="pk_permission_uses")
        )
    latest = (
        select(Interaction.installation_id, func.max(Interaction.at).label("at"))
        .where(Interaction.id.in_([row["id"] for row in rows]), Interaction.kind == InteractionKind.INTERACTION)
        .group_by(Interaction.installation_id)
        .subquery()
    )
    await session.execute(
        update(Installation)
        .where(Installation.id == latest.c.installation_id)
        .values(last_interaction_at=func.greatest(Installation.last_interaction_at, latest.c.at))
    )


def _reported_use(report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        # Always the same for a report, and not its own: both lists are paged through together, by time and id.
        "id": uuid.uuid5(report["id"], "permission_use"),
        "installation_id": report["installation_id"],
        "permission_type": PermissionType.EXTERNAL_API.value,
        "action": report["action"],
        "at": report["at"],
    }


def _none_of(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    # Postgres takes a bare NULL in a subquery for text.
    return cast(null(), column.type)


def _select_activity(*, is_behind: bool) -> AnySelect:
    """A page of an installation's interactions and permission uses together, newest first; the first, or one behind."""
    of_installation = bindparam("of_installation", type_=UUID(as_uuid=True))
    after = tuple_(
        bindparam("after_at", type_=DateTime(timezone=True)), bindparam("after_id", type_=UUID(as_uuid=True))
    )
    limit = bindparam("page", type_=Integer)
    interactions: AnySelect = select(
        literal("interaction").label("type"),
        Interaction.id,
        Interaction.at,
        Interaction.kind,
        Interaction.status_code,
        Interaction.proxy_error,
        Interaction.duration_ms,
        _none_of(PermissionUse.permission_type).label("permission_type"),
        _none_of(PermissionUse.action).label("action"),
        _none_of(PermissionUse.count).label("count"),
    ).where(Interaction.installation_id == of_installation)
    uses: AnySelect = select(
        literal("permission_use").label("type"),
        PermissionUse.id,
        PermissionUse.at,
        _none_of(Interaction.kind).label("kind"),
        _none_of(Interaction.status_code).label("status_code"),
        _none_of(Interaction.proxy_error).label("proxy_error"),
        _none_of(Interaction.duration_ms).label("duration_ms"),
        PermissionUse.permission_type,
        PermissionUse.action,
        PermissionUse.count,
    ).where(PermissionUse.installation_id == of_installation)
    pages = []
    for query, model in ((interactions, Interaction), (uses, PermissionUse)):
        behind = query.where(tuple_(model.at, model.id) < after) if is_behind else query
        # Each by its own index, and no further than a page.
        pages.append(select(behind.order_by(model.at.desc(), model.id.desc()).limit(limit).subquery()))
    both = union_all(*pages).subquery()
    return select(both).order_by(both.c.at.desc(), both.c.id.desc()).limit(limit)


# Made once: to put one together takes longer than to send it.
_FIRST_PAGE = _select_activity(is_behind=False)
_PAGE_BEHIND = _select_activity(is_behind=True)


async def list_activity(
    session: AsyncSession, installation_id: uuid.UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AnyRow]:
    """Interactions and permission uses of the installation together, newest first."""
    given = {"of_installation": installation_id, "page": limit}
    if after is None:
        return (await session.execute(_FIRST_PAGE, given)).all()
    return (await session.execute(_PAGE_BEHIND, {**given, "after_at": after[0], "after_id": after[1]})).all()


async def remove_old_interactions(session: AsyncSession) -> int:
    """Remove a portion of what is older than 30 days, and return how much; 0: there is none."""
    is_old = Interaction.at < func.now() - KEPT_FOR
    return await change_portion(
        session, delete(Interaction), key=(Interaction.id,), where=(is_old,), oldest=Interaction.at
    )


async def remove_old_uses(session: AsyncSession) -> int:
    """The same for permission uses."""
    is_old = PermissionUse.at < func.now() - KEPT_FOR
    return await change_portion(
        session, delete(PermissionUse), key=(PermissionUse.id,), where=(is_old,), oldest=PermissionUse.at
    )


async def _known(session: AsyncSession, installation_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, uuid.UUID]:
    """The cat of each installation that there is."""
    query = select(Installation.id, Installation.cat_id).where(Installation.id.in_(installation_ids))
    return {row.id: row.cat_id for row in await session.execute(query)}
