"""All SQL about preferences."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import cast

from cathouse.database import AnyRow
from cathouse.schema import UserPreferences

_VIEW = (
    UserPreferences.theme,
    UserPreferences.custom_hours,
    UserPreferences.communication_preferences,
    UserPreferences.onboarding_completed,
    UserPreferences.nickname,
)


async def find_preferences(session: AsyncSession, user_id: uuid.UUID) -> AnyRow | None:
    """The person's preferences; every account has them from the beginning."""
    return (await session.execute(select(*_VIEW).where(UserPreferences.user_id == user_id))).one_or_none()


async def change_preferences(
    session: AsyncSession, user_id: uuid.UUID, changes: Mapping[str, Any], *, communication: Mapping[str, bool]
) -> AnyRow | None:
    """Set ``changes``, lay ``communication`` over what is there, and return the whole."""
    values = dict(changes)
    if communication:
        merged = UserPreferences.communication_preferences.op("||")(cast(dict(communication), JSONB))
        values["communication_preferences"] = merged
    if not values:
        return await find_preferences(session, user_id)
    statement = update(UserPreferences).where(UserPreferences.user_id == user_id).values(**values).returning(*_VIEW)
    return (await session.execute(statement)).one_or_none()
