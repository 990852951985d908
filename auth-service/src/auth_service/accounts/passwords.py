"""Hashing passwords without holding anything else up.

Argon2id with OWASP's minimum (m=19456 KiB, t=2, p=1; the library's own default is for larger machines). Hashing runs
in a few threads behind a short queue; who finds it full is told to come back.
"""

import asyncio
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from auth_service.accounts.errors import HashingBusyError, PasswordTooWeakError
from cathouse.schema import Role

MEMORY_KIB = 19456
ITERATIONS = 2
PARALLELISM = 1

LONGEST_QUEUE = 32
LONGEST_PASSWORD = 256

_SHORTEST = {Role.PLAYER: 8, Role.DEVELOPER: 15, Role.ADMIN: 15}

T = TypeVar("T")


def normalised(password: str) -> str:
    """The same password however the keyboard composed it (Unicode NFC)."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, role: Role) -> None:
    """Hold a new password to the rules for ``role``; without a second factor a developer needs 15 characters.

    Raises:
        PasswordTooWeakError: saying which rule.
    """
    length = len(normalised(password))
    if length < _SHORTEST[role]:
        raise PasswordTooWeakError(f"The role {role} needs a password of at least {_SHORTEST[role]} characters.")
    if length > LONGEST_PASSWORD:
        raise PasswordTooWeakError(f"A password may have at most {LONGEST_PASSWORD} characters.")


class Passwords:
    """Makes and checks hashes in threads of its own."""

    def __init__(self, *, threads: int | None = None) -> None:
        """``threads`` is for tests; by default as many as there are cores, at most two."""
        self._hasher = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)
        workers = threads or min(os.cpu_count() or 1, 2)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._under_way = 0
        self._most = LONGEST_QUEUE + workers
        # Checked when there is no hash to check, so that an unknown address takes as long as a known one.
        self._nobody = self._hasher.hash(os.urandom(16))

    async def hash(self, password: str) -> str:
        """A hash to store.

        Raises:
            HashingBusyError: when the queue is full.
        """
        return await self._run(lambda: self._hasher.hash(normalised(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` made ``stored``. Without ``stored`` it takes as long and is false.

        Raises:
            HashingBusyError: when the queue is full.
        """
        return await self._run(lambda: self._matches(stored or self._nobody, password)) and stored is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, normalised(password))
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._most:
            raise HashingBusyError
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1
