"""What goes along with a unit of work, in its transaction, without the service that wrote the unit knowing of it."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

T = TypeVar("T")


class Companion(Protocol):
    """Something that is committed with a unit's own changes, or not at all."""

    def accompany(self, unit: Callable[[AsyncSession], Awaitable[T]]) -> Callable[[AsyncSession], Awaitable[T]]:
        """The unit to run in the place of ``unit``; called once for each write. Like any unit it may run repeatedly."""


_companion: ContextVar[Companion | None] = ContextVar("companion", default=None)


@contextmanager
def accompanied_by(companion: Companion) -> Iterator[None]:
    """Within the block ``companion`` goes along with what this task writes by ``Database.write``."""
    token = _companion.set(companion)
    try:
        yield
    finally:
        _companion.reset(token)


def accompanied(unit: Callable[[AsyncSession], Awaitable[T]]) -> Callable[[AsyncSession], Awaitable[T]]:
    """``unit`` with what goes along with it at the moment."""
    companion = _companion.get()
    return unit if companion is None else companion.accompany(unit)
