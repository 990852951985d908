"""Whose cat it is, and who may know of it."""

import uuid

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats import repository
from catalog_service.cats.errors import CatNotFoundError, TransitionNotAllowedError
from cathouse.database import AnyRow
from cathouse.identity import Principal
from cathouse.schema import Cat, CatStatus, Role


def is_owner_or_admin(cat: AnyRow, person: Principal | None) -> bool:
    """Whether ``person`` sees what only owners and admins see."""
    return person is not None and (person.user_id == cat.developer_id or person.has_role(Role.ADMIN))


def visible(cat: AnyRow | None, person: Principal | None) -> AnyRow:
    """The cat, if ``person`` may know of it: everybody of a published one, its owner and admins of any.

    Raises:
        CatNotFoundError: also when the person may not.
    """
    if cat is None or not (cat.status == CatStatus.PUBLISHED or is_owner_or_admin(cat, person)):
        raise CatNotFoundError
    return cat


async def visible_cat(session: AsyncSession, reference: uuid.UUID | str, person: Principal | None) -> AnyRow:
    """The cat with this id or slug.

    Raises:
        CatNotFoundError: also when the person may not know of it.
    """
    return visible(await repository.find_cat(session, reference), person)


async def existing_cat(session: AsyncSession, cat_id: uuid.UUID) -> AnyRow:
    """The cat, as it is inside the unit.

    Raises:
        CatNotFoundError
    """
    cat = await repository.find_cat(session, cat_id)
    if cat is None:
        raise CatNotFoundError
    return cat


async def check_owner(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> None:
    """Make sure that the cat is the developer's.

    Raises:
        CatNotFoundError: also when it is somebody else's.
    """
    if not await repository.is_owned(session, cat_id, developer_id):
        raise CatNotFoundError


async def lock_cat(session: AsyncSession, *conditions: ColumnElement[bool]) -> AnyRow:
    """The state of the cat that meets ``conditions``, locked until the transaction ends.

    Raises:
        CatNotFoundError
    """
    cat = await repository.lock_cat(session, *conditions)
    if cat is None:
        raise CatNotFoundError
    return cat


async def lock_own_cat(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> AnyRow:
    """The state of the developer's cat, locked until the transaction ends.

    Raises:
        CatNotFoundError: also when it is somebody else's.
    """
    return await lock_cat(session, Cat.id == cat_id, Cat.developer_id == developer_id)


async def lock_own_unsuspended_cat(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> AnyRow:
    """The same, of a cat that no admin has stopped.

    Raises:
        CatNotFoundError, TransitionNotAllowedError
    """
    cat = await lock_own_cat(session, cat_id, developer_id)
    if cat.status == CatStatus.SUSPENDED:
        raise TransitionNotAllowedError(cat.status, [])  # only an admin lifts a suspension
    return cat
