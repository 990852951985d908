"""All SQL about attempts to log in."""

import datetime as dt
import hashlib

from sqlalchemy import LargeBinary, Text, bindparam, case, delete, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.repository import has_second_factor
from cathouse.database import AnyRow, AnySelect
from cathouse.schema import LoginAttempt, User

FREE_ATTEMPTS = 5
FIRST_LOCK = dt.timedelta(seconds=30)
LONGEST_LOCK = dt.timedelta(minutes=15)
"""After so many failures an address is locked; each further one doubles the lock (docs/troubleshooting.md)."""

FORGOTTEN_AFTER = dt.timedelta(days=1)
"""Failures older than that say nothing of today."""


def _counting() -> AnySelect:
    """A statement that counts an attempt and finds the account, of ``attempt_key`` and ``email_key``."""
    is_stale = LoginAttempt.updated_at < func.now() - FORGOTTEN_AFTER
    failures = case((is_stale, 1), else_=LoginAttempt.failures + 1)
    # Doubled ten times at most: by then it is longer than the longest, and an interval cannot hold forty.
    lock = func.least(FIRST_LOCK * func.power(2, func.least(failures - FREE_ATTEMPTS, 10)), LONGEST_LOCK)
    counted = (
        upsert(LoginAttempt)
        .values(key=bindparam("attempt_key", type_=LargeBinary), failures=1)
        .on_conflict_do_update(
            constraint="uq_login_attempts_key",
            set_={
                "failures": failures,
                "locked_until": case((failures >= FREE_ATTEMPTS, func.now() + lock)),
            },
            where=or_(LoginAttempt.locked_until.is_(None), LoginAttempt.locked_until <= func.now()),
        )
        .returning(LoginAttempt.id)
        .cte("counted")
    )
    return (
        select(
            exists(select(counted.c.id)).label("is_counted"),
            User.id,
            User.role,
            User.is_active,
            User.password_hash,
            User.password_is_long,
            User.email_verified_at,
            has_second_factor().label("has_second_factor"),
        )
        .select_from(select(literal(1)).subquery("always"))
        .outerjoin(User, User.email_key == bindparam("email_key", type_=Text))
    )


_COUNTING = _counting()
"""Made once: to put it together takes longer than to send it."""


async def count_attempt(session: AsyncSession, email_key: str) -> AnyRow:
    """Count an attempt to log in, and return what it is checked against.

    One statement. ``is_counted`` is false while the address is locked: then nothing is counted. The other columns are
    null when there is no such account.
    """
    given = {"attempt_key": attempt_key(email_key), "email_key": email_key}
    return (await session.execute(_COUNTING, given)).one()


async def take_back_attempt(session: AsyncSession, email_key: str) -> None:
    """Uncount an attempt that was no guess: its password was right, and something else is still wanted."""
    failures = func.greatest(LoginAttempt.failures - 1, 0)
    await session.execute(
        update(LoginAttempt)
        .where(LoginAttempt.key == attempt_key(email_key))
        .values(
            failures=failures,
            locked_until=case((failures >= FREE_ATTEMPTS, LoginAttempt.locked_until)),
        )
    )


def attempt_key(email_key: str) -> bytes:
    """What an address's attempts are counted under: whoever reads the table learns no address."""
    return hashlib.sha256(email_key.encode()).digest()


async def forget_attempts(session: AsyncSession, email_key: str) -> None:
    """Begin to count from nothing again: somebody has shown the right password."""
    await session.execute(FORGETTING, {"attempt_key": attempt_key(email_key)})


FORGETTING = delete(LoginAttempt).where(LoginAttempt.key == bindparam("attempt_key", type_=LargeBinary))
"""It forgets the attempts of ``attempt_key``; also a part of the statement that begins a session."""
