"""The rules of administration."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.repository import change_user, find_profile, is_protected
from auth_service.administration import repository
from auth_service.administration.errors import (
    AccountErasedError,
    LastAdminError,
    StrongerLoginRequiredError,
    UserNotFoundError,
)
from auth_service.administration.schemas import UserChange
from auth_service.sessions.repository import revoke_sessions_of
from cathouse.database import AnyRow, Database, record_event
from cathouse.identity import RoleRequiredError
from cathouse.schema import Role
from cathouse.web import Keyset


class AdministrationService:
    """Finds accounts, gives them roles, and closes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, *, search: str | None, role: Role | None, is_active: bool | None, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of accounts, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_users(
                session, search=search, role=role, is_active=is_active, after=keyset.after, limit=keyset.limit + 1
            )
        )
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def find(self, user_id: uuid.UUID) -> AnyRow:
        """One account.

        Raises:
            UserNotFoundError
        """
        return await self._database.read(lambda session: _found(session, user_id))

    async def change(self, admin_id: uuid.UUID, user_id: uuid.UUID, change: UserChange) -> AnyRow:
        """Change the account and return it. Who is deactivated or gets another role is logged out everywhere.

        Raises:
            UserNotFoundError, LastAdminError, AccountErasedError, StrongerLoginRequiredError
            RoleRequiredError: the caller's token is an admin's, the caller is none any more.
        """
        sent = change.model_dump(exclude_unset=True)

        async def apply(session: AsyncSession) -> AnyRow:
            locked = await repository.lock_admins_and(session, user_id)
            admins = {row.id for row in locked.values() if row.role == Role.ADMIN and row.is_active}
            if admin_id not in admins:
                raise RoleRequiredError(Role.ADMIN)
            account = locked.get(user_id)
            if account is None:
                raise UserNotFoundError
            if account.is_erased:
                raise AccountErasedError
            changes = {name: value for name, value in sent.items() if value != getattr(account, name)}
            if changes:
                _keep_an_admin(admins, user_id, changes)
                await change_user(session, user_id, changes)
                if "role" in changes and not await is_protected(session, user_id):
                    raise StrongerLoginRequiredError
                now = dt.datetime.now(dt.UTC)
                await revoke_sessions_of(session, account.id, now=now, reason="account_changed")
                await self._note(session, admin_id, account, changes)
            return await _found(session, user_id)

        return await self._database.write(apply)

    async def _note(
        self, session: AsyncSession, admin_id: uuid.UUID, account: AnyRow, changes: Mapping[str, Any]
    ) -> None:
        subject = {"user_id": account.id}
        if "role" in changes:
            detail = {"from": account.role, "to": changes["role"]}
            await record_event(session, "user.role_changed", actor_id=admin_id, subject=subject, detail=detail)
        if "is_active" in changes:
            action = "user.activated" if changes["is_active"] else "user.deactivated"
            await record_event(session, action, actor_id=admin_id, subject=subject)


def _keep_an_admin(admins: set[uuid.UUID], user_id: uuid.UUID, changes: Mapping[str, Any]) -> None:
    stays = changes.get("role", Role.ADMIN) == Role.ADMIN and changes.get("is_active", True)
    if admins == {user_id} and not stays:
        raise LastAdminError


async def _found(session: AsyncSession, user_id: uuid.UUID) -> AnyRow:
    profile = await find_profile(session, user_id)
    if profile is None:
        raise UserNotFoundError
    return profile
