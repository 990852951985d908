"""The rules of erasures: written down when asked for, done by each owner, tried again until all are done."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.errors import AccountGoneError
from auth_service.administration.errors import LastAdminError
from auth_service.administration.repository import lock_admins_and
from auth_service.audit.repository import record_own
from auth_service.client import Client
from auth_service.erasures import repository
from auth_service.mails.letters import MailKind
from auth_service.mails.service import MailService
from auth_service.sessions.repository import revoke_sessions_of
from cathouse.database import AnyRow, Database, Worker, record_event
from cathouse.errors import ServiceError
from cathouse.schema import ErasureStep, Role
from cathouse.web import ServiceClient

REPEAT_AFTER = dt.timedelta(minutes=11)
"""When all is done once more: the last access token has ended then (ten minutes, and some leeway)."""

_logger = structlog.get_logger(__name__)

Step = Callable[[uuid.UUID], Awaitable[None]]


class ErasureService:
    """Sees to it that a person who leaves is forgotten everywhere, also when a service is down or killed half-way."""

    def __init__(self, database: Database, mails: MailService, owners: Mapping[str, ServiceClient]) -> None:
        """``owners`` are the other services that know something of people: catalog and installation."""
        self._database = database
        self._mails = mails
        self._owners = owners
        self.due = repository.due_erasures()
        self.worker = Worker("erasures", self._work, database.idleness)

    def start(self) -> None:
        """Go on with what an earlier process left behind."""
        self.worker.start()

    async def close(self) -> None:
        """Stop; what is not done stays written down."""
        await self.worker.close()

    async def request(self, user_id: uuid.UUID, client: Client) -> None:
        """Close the account at once; from here on the erasure finishes by itself.

        Raises:
            LastAdminError: somebody has to be able to look after the house.
            AccountGoneError
        """
        now = dt.datetime.now(dt.UTC)

        async def close(session: AsyncSession) -> None:
            locked = await lock_admins_and(session, user_id)
            person = locked.get(user_id)
            if person is None or not person.is_active:
                raise AccountGoneError
            if person.role == Role.ADMIN and len(locked) == 1:
                raise LastAdminError
            await self._mails.post(session, user_id, MailKind.ACCOUNT_ERASED, to=person.email)
            await repository.begin(session, user_id, repeat_at=now + REPEAT_AFTER)
            await revoke_sessions_of(session, user_id, now=now, reason="account_erased")
            await record_own(session, "user.erasure_requested", user_id, client)

        await self._database.write(close)
        self._mails.wake()
        self.worker.wake()

    async def _work(self) -> float | None:
        return await self.due.work(self._database, self._advance)

    async def _advance(self, erasure: AnyRow) -> None:
        steps: dict[str, tuple[str, Step]] = {
            "catalog": (erasure.catalog_step, lambda user_id: self._ask("catalog", user_id)),
            "installation": (erasure.installation_step, lambda user_id: self._ask("installation", user_id)),
            "auth": (erasure.auth_step, self._forget),
        }
        failed = False
        for owner, (state, step) in steps.items():
            if state == ErasureStep.DONE:
                continue
            try:
                await step(erasure.user_id)
            except ServiceError as error:
                failed = True
                _logger.warning("erasure.delayed", erasure=str(erasure.id), owner=owner, code=error.code)
            else:
                await self._database.write(partial(repository.finish_step, erasure_id=erasure.id, owner=owner))
        if failed:
            pause = self.due.pause_after(erasure.attempts)
            await self._database.write(lambda session: self.due.postpone(session, erasure.id, pause))
            return

        async def finish(session: AsyncSession) -> bool:
            has_ended = await repository.finish_round(session, erasure.id)
            if has_ended:
                await record_event(session, "user.erased", actor_id=None, subject={"user_id": erasure.user_id})
            return has_ended

        if await self._database.write(finish):
            _logger.info("erasure.finished", erasure=str(erasure.id))

    async def _ask(self, owner: str, user_id: uuid.UUID) -> None:
        await self._owners[owner].post("/internal/v1/erasures", {"user_id": str(user_id)})

    async def _forget(self, user_id: uuid.UUID) -> None:
        await self._database.write(lambda session: repository.forget(session, user_id))
