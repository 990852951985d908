"""Hashing passwords without holding anything else up.

Argon2id with OWASP's minimum (m=19456 KiB, t=2, p=1; the library's own default is for larger machines). Hashing runs
in a few threads behind a short queue; who finds it full is told to come back. Hashes of bcrypt are accepted, and
replaced at the next log-in.
"""

import asyncio
import contextlib
import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

from auth_service.accounts.common_passwords import is_common, is_own_word
from auth_service.accounts.errors import HashingBusyError, LongerPasswordNeededError, PasswordTooWeakError
from cathouse.schema import LONG_PASSWORD, Role
from cathouse.web import Reading

MEMORY_KIB = 19456
ITERATIONS = 2
PARALLELISM = 1

LONGEST_QUEUE = 32
LONGEST_PASSWORD = 256

SHORTEST_PASSWORD = 8

_NICENESS = 5

_BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")
_BCRYPT_READS = 72
"""Bytes of a password that bcrypt takes account of."""

T = TypeVar("T")


def normalised(password: str) -> str:
    """The same password however the keyboard composed it (Unicode NFC)."""
    return unicodedata.normalize("NFC", password)


def is_long(password: str) -> bool:
    """Whether it is long enough for a developer or an admin without a second factor."""
    return len(normalised(password)) >= LONG_PASSWORD


def check_password(password: str, *, role: Role, words: Iterable[str], has_second_factor: bool = False) -> None:
    """Hold a new password to the rules for ``role``; without a second factor a developer needs ``LONG_PASSWORD``.

    ``words`` are the person's own: address and name.

    Raises:
        PasswordTooWeakError: saying which rule.
    """
    length = len(normalised(password))
    if length < SHORTEST_PASSWORD:
        raise PasswordTooWeakError(f"A password needs at least {SHORTEST_PASSWORD} characters.")
    if role is not Role.PLAYER and not has_second_factor and length < LONG_PASSWORD:
        raise LongerPasswordNeededError(role, LONG_PASSWORD)
    if length > LONGEST_PASSWORD:
        raise PasswordTooWeakError(f"A password may have at most {LONGEST_PASSWORD} characters.")
    if is_common(normalised(password)):
        raise PasswordTooWeakError("This password is among those that are guessed first. Choose another one.")
    if is_own_word(normalised(password), words):
        raise PasswordTooWeakError("A password must be more than your own name or address. Choose another one.")


def _give_way() -> None:
    """Let the thread that answers everybody else go first, on Linux, where each thread has a niceness of its own.

    With as many hashes under way as there are cores it would wait behind them (docs/performance.md).
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class Passwords:
    """Makes and checks hashes in threads of its own."""

    def __init__(self, *, threads: int | None = None) -> None:
        """``threads`` is for tests; by default as many as there are cores, at most two."""
        self._hasher = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)
        workers = threads or min(os.cpu_count() or 1, 2)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="argon2", initializer=_give_way)
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

    async def renewed(self, stored: str, password: str) -> str | None:
        """A new hash of a password that was just verified, when ``stored`` is weaker than what is made now.

        None when it is not, or when the queue is full: then the next log-in renews it.
        """
        if not stored.startswith(_BCRYPT_PREFIXES) and not self._hasher.check_needs_rehash(stored):
            return None
        try:
            return await self.hash(password)
        except HashingBusyError:
            return None

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` made ``stored``. Without ``stored`` it takes as long and is false.

        Raises:
            HashingBusyError: when the queue is full.
        """
        return await self._run(lambda: self._matches(stored or self._nobody, password)) and stored is not None

    def check_queue(self) -> None:
        """For who has something to do before a password is looked at, and would do it for nothing.

        Raises:
            HashingBusyError: the queue is full at this moment.
        """
        if self._under_way >= self._most:
            raise HashingBusyError

    def readings(self) -> Sequence[Reading]:
        """What Prometheus is shown."""
        return (
            Reading(
                "cathouse_hashes_under_way",
                "Password hashes that are made, or wait for a thread.",
                lambda: self._under_way,
            ),
            Reading("cathouse_hashes_max", "Beyond so many log-ins get 503 `hashing_busy`.", lambda: self._most),
        )

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        if stored.startswith(_BCRYPT_PREFIXES):
            return _matches_bcrypt(stored, normalised(password))
        try:
            return self._hasher.verify(stored, normalised(password))
        except (Argon2Error, ValueError):  # a hash that is none, or is not even ASCII, is a ValueError
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        self.check_queue()
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1


def _matches_bcrypt(stored: str, password: str) -> bool:
    # Accounts brought along from elsewhere. bcrypt's C code read as far as the first NUL and no further than 72 bytes.
    try:
        return bcrypt.checkpw(password.encode()[:_BCRYPT_READS], stored.encode())
    except ValueError:
        return False
