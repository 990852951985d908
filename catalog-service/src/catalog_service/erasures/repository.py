"""All SQL about forgetting a person in the catalog."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, change_portion, remove_answers_to
from cathouse.schema import DEVELOPER_GONE, Cat, CatReport, CatStatus, IdempotencyKey, Installation

CATS = 20
"""Cats of one transaction: what search reads of them is written one by one."""

ERASED_TEXT = "[erased]"
"""What stands in place of a text that somebody wrote who was erased."""

# The column is named: this service may not read every column of installations.
_WAS_INSTALLED = select(Installation.id).where(Installation.cat_id == Cat.id).exists()


async def lock_unused_drafts(session: AsyncSession, developer_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Some of the developer's drafts that nobody ever installed, locked until the transaction ends."""
    query = (
        select(Cat.id)
        .where(Cat.developer_id == developer_id, Cat.status == CatStatus.DRAFT, ~_WAS_INSTALLED)
        .order_by(Cat.id)
        .limit(CATS)
        .with_for_update(of=Cat)
    )
    return (await session.scalars(query)).all()


async def delete_unused(session: AsyncSession, cat_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Delete those of the locked cats that are installed nowhere, with all that belongs to them; return which.

    The look-up that found them may have missed an installation of the same instant; with the lock none is to come.
    """
    statement = delete(Cat).where(Cat.id.in_(cat_ids), ~_WAS_INSTALLED).returning(Cat.id)
    return (await session.scalars(statement, execution_options={"synchronize_session": False})).all()


async def lock_cats(session: AsyncSession, developer_id: uuid.UUID) -> Sequence[AnyRow]:
    """Some of the developer's cats that go on, or still tell of the developer, locked until the transaction ends."""
    query = (
        select(Cat.id, Cat.suspension_reason)
        .where(
            Cat.developer_id == developer_id,
            or_(
                Cat.suspension_reason.is_distinct_from(DEVELOPER_GONE),
                Cat.icon_url.is_not(None),
                Cat.support_url.is_not(None),
                Cat.privacy_url.is_not(None),
            ),
        )
        .order_by(Cat.id)
        .limit(CATS)
        .with_for_update()
    )
    return (await session.execute(query)).all()


async def suspend_for_good(session: AsyncSession, cat_ids: Sequence[uuid.UUID]) -> None:
    """Stop the cats, whatever their status, and take away where they lead to the developer."""
    # endpoint_url stays, here and in the releases: NOT NULL, and a suspended cat is never called.
    await session.execute(
        update(Cat)
        .where(Cat.id.in_(cat_ids))
        .values(
            # Of a cat that was suspended already, the status before that is the one to keep.
            status_before_suspension=func.coalesce(Cat.status_before_suspension, Cat.status),
            status=CatStatus.SUSPENDED,
            suspension_reason=DEVELOPER_GONE,
            icon_url=None,
            support_url=None,
            privacy_url=None,
        ),
        execution_options={"synchronize_session": False},
    )


async def blank_reports(session: AsyncSession, reporter_id: uuid.UUID) -> int:
    """Take the words out of a portion of the person's reports; that there is a report still matters to admins."""
    return await change_portion(
        session,
        update(CatReport).values(text=ERASED_TEXT),
        key=(CatReport.id,),
        where=(CatReport.reporter_id == reporter_id, CatReport.text != ERASED_TEXT),
    )


async def delete_idempotency_keys(session: AsyncSession, user_id: uuid.UUID) -> int:
    """Delete a portion of the answers that are kept for the person to ask for again."""
    return await remove_answers_to(session, "catalog", IdempotencyKey.principal == user_id)
