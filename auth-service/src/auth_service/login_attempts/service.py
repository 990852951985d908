"""The rules of guessing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth_service.accounts.errors import HashingBusyError
from auth_service.accounts.passwords import Passwords
from auth_service.login_attempts import repository
from cathouse.database import AnyRow, Database


@asynccontextmanager
async def counted_attempt(database: Database, passwords: Passwords, email_key: str) -> AsyncIterator[AnyRow]:
    """Count an attempt, of ``repository.count_attempt``; within the block a password of the address is looked at.

    Counted before the hash is made, so that guessing in parallel does not help, and by itself: a failure that was
    rolled back or counted twice would be a wrong number. Where the queue for hashing is full, nothing was guessed.

    Raises:
        HashingBusyError: nothing stays counted.
    """
    passwords.check_queue()
    attempt = await database.once(lambda session: repository.count_attempt(session, email_key))
    try:
        yield attempt
    except HashingBusyError:
        if attempt.is_counted:
            await database.once(lambda session: repository.take_back_attempt(session, email_key))
        raise
