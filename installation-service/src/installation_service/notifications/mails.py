"""Letting players know by mail of what is in their inbox: auth-service writes to them, since it has the address."""

import datetime as dt

import structlog

from cathouse.database import AnyRow, Database, Worker
from cathouse.web import ServiceClient, ServiceUnavailableError
from installation_service.notifications import repository

OF_USE_FOR = dt.timedelta(hours=24)
"""How long auth-service is asked again when it does not answer: later the player has seen it, or need not know."""

_logger = structlog.get_logger(__name__)


class NotificationMails:
    """Asks auth-service for the mails that notifications were written down with.

    At least once each: auth-service makes one mail of it while the first is not sent.
    """

    def __init__(self, database: Database, auth: ServiceClient) -> None:
        self._database = database
        self._auth = auth
        self.due = repository.due_mails()
        self.worker = Worker("notification_mails", self._work, database.idleness)

    def start(self) -> None:
        """Ask for what an earlier process left behind, then for what comes."""
        self.worker.start()

    def wake(self) -> None:
        """Say that there may be something to ask for."""
        self.worker.wake()

    async def close(self) -> None:
        """Stop; what was not asked for stays written down."""
        await self.worker.close()

    async def _work(self) -> float | None:
        return await self.due.work(self._database, self._ask)

    async def _ask(self, notification: AnyRow) -> None:
        mail = {
            "id": str(notification.id),
            "user_id": str(notification.user_id),
            "instance_name": notification.instance_name,
            "cat": notification.cat,
            "title": notification.title,
        }
        try:
            await self._auth.post("/internal/v1/mails", mail)
        except ServiceUnavailableError:
            if dt.datetime.now(dt.UTC) < notification.created_at + OF_USE_FOR:
                pause = self.due.pause_after(notification.attempts)
                await self._database.write(lambda session: self.due.postpone(session, notification.id, pause))
                return
            _logger.warning("notification_mail.given_up", notification=str(notification.id))
        await self._database.write(lambda session: repository.mail_no_more(session, notification.id))
