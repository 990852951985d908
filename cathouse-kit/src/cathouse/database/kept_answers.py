"""Answers that are kept under an ``Idempotency-Key``: written down in the transaction of the effect that they tell of.

So there is never an effect without its answer or an answer without its effect, whatever is lost on the way to the
caller: the same request under the same key gets the answer of the first one.
"""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database.portions import change_portion
from cathouse.database.rows import AnyRow, AnySelect
from cathouse.errors import ServiceError
from cathouse.schema import IdempotencyKey

T = TypeVar("T")

KEPT_FOR = dt.timedelta(hours=24)
"""design/api.md, "Everywhere"."""

_PRIMARY_KEY = (IdempotencyKey.service, IdempotencyKey.principal, IdempotencyKey.route, IdempotencyKey.key)


class IdempotencyKeyInUseError(ServiceError):
    """The first request with this key has not come to its end."""

    code = "idempotency_key_in_use"
    status = 409
    title = "A request with this Idempotency-Key is still running"

    def __init__(self) -> None:
        """The answer will be there in a moment."""
        super().__init__(
            "The first request with this Idempotency-Key is still running. Send this one again in a second to get its"
            " answer.",
            retry_after_s=1,
        )


class IdempotencyKeyReusedError(ServiceError):
    """The key stands for another request."""

    code = "idempotency_key_reused"
    status = 422
    title = "The Idempotency-Key was used for another request"

    def __init__(self) -> None:
        """Say what a key stands for."""
        super().__init__(
            "This Idempotency-Key was sent with another request within the last 24 hours: another path, query or body."
            " A key stands for one request and its repetitions; make a new one for a new request."
        )


class AnsweredBeforeError(Exception):
    """The request was answered before: this is the answer. It stops a unit, which then leaves no trace."""

    def __init__(self, status: int, body: Any) -> None:  # noqa: ANN401 - any JSON value
        """``body`` is the answer as JSON."""
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an ``Idempotency-Key``.

    ``principal`` is who asks: a person's id, or an installation's for its cat. ``route`` is the method and the path's
    template; ``fingerprints`` are of everything else that makes it this request and no other: the first is kept, any of
    them is the same request.
    """

    service: str
    principal: uuid.UUID
    route: str
    key: str
    fingerprints: tuple[bytes, ...]


class KeptAnswer:
    """The companion of the one unit that answers a keyed request."""

    def __init__(self, request: KeyedRequest, *, status: int, body_of: Callable[[Any], Any]) -> None:
        """``body_of`` makes the answer's JSON of what the unit returns; it may be called more than once."""
        self._request = request
        self._status = status
        self._body_of = body_of
        self._has_a_unit = False

    def accompany(self, unit: Callable[[AsyncSession], Awaitable[T]]) -> Callable[[AsyncSession], Awaitable[T]]:
        """Let ``unit`` run once for this request, and keep the answer with its changes.

        What the unit raises rolls both back, so that the same request may be tried again.

        Raises:
            AnsweredBeforeError: nothing was done, this is the answer.
            IdempotencyKeyInUseError, IdempotencyKeyReusedError: nothing was done.
            RuntimeError: for a second unit. Of two only one can be in the transaction that keeps the answer.
        """
        if self._has_a_unit:
            raise RuntimeError("a request under an Idempotency-Key is answered by one unit of work")
        self._has_a_unit = True

        async def once(session: AsyncSession) -> T:
            if not await self._begin(session):
                raise IdempotencyKeyInUseError
            try:
                result = await unit(session)
                await session.flush()
            except ServiceError:
                # Perhaps what stands in the way was made by the same request, see _begin. The unit may have left its
                # transaction in a state in which nothing can be asked any more.
                await session.rollback()
                await self._look(session)
                raise
            await self._keep(session, self._body_of(result))
            return result

        return once

    async def _begin(self, session: AsyncSession) -> bool:
        """Take the request's lock until the transaction ends; false when another transaction has it.

        Lock and look-up are one statement, so one round trip. What it sees is of just before the lock: whoever had
        the lock until then may have committed in between. Then :meth:`_keep` finds the row, or the unit its effect.
        """
        request = self._request
        name = f"idempotency {request.service} {request.principal} {request.route} {request.key}"
        lock = func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0))
        found = (await session.execute(self._kept(lock.label("has_lock")))).one()
        self._stop_if_answered(found)
        return bool(found.has_lock)

    async def _look(self, session: AsyncSession) -> None:
        self._stop_if_answered((await session.execute(self._kept())).one())

    def _kept(self, *columns: ColumnElement[Any]) -> AnySelect:
        """A query for one row in any case; ``status`` is null when no answer is kept."""
        request = self._request
        one = select(literal(1).label("row")).subquery("one")
        values = (request.service, request.principal, request.route, request.key)
        is_kept = and_(*(column == value for column, value in zip(_PRIMARY_KEY, values, strict=True)), ~_has_expired())
        return select(*columns, IdempotencyKey.request_hash, IdempotencyKey.status, IdempotencyKey.body).select_from(
            one.outerjoin(IdempotencyKey, is_kept)
        )

    def _stop_if_answered(self, found: AnyRow) -> None:
        if found.status is None:
            return
        if found.request_hash not in self._request.fingerprints:
            raise IdempotencyKeyReusedError
        raise AnsweredBeforeError(found.status, found.body)

    async def _keep(self, session: AsyncSession, body: Any) -> None:  # noqa: ANN401 - any JSON value
        request = self._request
        answer = {"request_hash": request.fingerprints[0], "status": self._status, "body": body}
        statement = (
            insert(IdempotencyKey)
            .values(
                service=request.service, principal=request.principal, route=request.route, key=request.key, **answer
            )
            .on_conflict_do_update(
                index_elements=_PRIMARY_KEY, set_={**answer, "created_at": func.now()}, where=_has_expired()
            )
            .returning(IdempotencyKey.status)
        )
        if await session.scalar(statement) is None:
            await self._look(session)
            raise IdempotencyKeyInUseError  # the row that was in the way is gone since: the caller comes again


async def remove_old_answers(session: AsyncSession, service: str) -> int:
    """Remove some of the service's answers that are kept no longer, and return how many; 0 when there are none."""
    return await change_portion(
        session,
        delete(IdempotencyKey),
        key=_PRIMARY_KEY,
        where=(IdempotencyKey.service == service, _has_expired()),
        oldest=IdempotencyKey.created_at,
    )


async def remove_answers_to(session: AsyncSession, service: str, principals: ColumnElement[bool]) -> int:
    """Remove some of the answers that the service keeps for ``principals`` (a condition), and return how many."""
    return await change_portion(
        session, delete(IdempotencyKey), key=_PRIMARY_KEY, where=(IdempotencyKey.service == service, principals)
    )


def _has_expired() -> ColumnElement[bool]:
    return IdempotencyKey.created_at <= func.now() - KEPT_FOR
