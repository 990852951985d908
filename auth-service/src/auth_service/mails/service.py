"""Promising mails: each is written down with what it tells of, in the transaction that is its reason."""

import datetime as dt
import uuid
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.jwt_secrets import JwtSecrets
from auth_service.mails import repository
from auth_service.mails.delivery import MailDelivery
from auth_service.mails.errors import MailNotConfiguredError
from auth_service.mails.letters import MailKind
from auth_service.mails.schemas import NotificationMail
from auth_service.mails.sealed import MailContent, SealedMail, seal_mail
from cathouse.database import Database

DAY = dt.timedelta(days=1)


class MailService:
    """Keeps mails until they are sent. Without a ``delivery`` (production without MAIL_URL) none is kept."""

    def __init__(self, database: Database, secrets: JwtSecrets, delivery: MailDelivery | None) -> None:
        self._database = database
        self._secrets = secrets
        self._delivery = delivery

    @property
    def is_configured(self) -> bool:
        """Whether mails can be sent at all."""
        return self._delivery is not None

    def check_configured(self) -> None:
        """Make sure that a mail can be promised.

        Raises:
            MailNotConfiguredError
        """
        if not self.is_configured:
            raise MailNotConfiguredError

    def seal(
        self,
        kind: MailKind,
        parameters: Mapping[str, str],
        *,
        to: str | None = None,
        life: dt.timedelta = DAY,
        mail_id: uuid.UUID | None = None,
    ) -> SealedMail:
        """Make a mail; ``to`` is another address than the person's. After ``life`` it is not sent any more."""
        content = MailContent(to, parameters)
        return seal_mail(self._secrets.current, mail_id or uuid.uuid4(), kind, content, life=life)

    async def tell_of_notification(self, notification: NotificationMail) -> None:
        """Mail a player that a cat has told them something, when they want that and the address is proved to be theirs.

        Raises:
            ServiceError: as ``Database.write``; a repetition writes no second mail.
        """
        if not self.is_configured:
            return
        parameters = {"sender": notification.instance_name, "cat": notification.cat, "title": notification.title}
        mail = self.seal(MailKind.NOTIFICATION, parameters, mail_id=notification.id)

        async def tell(session: AsyncSession) -> None:
            if await repository.wants_notifications(session, notification.user_id):
                await repository.add_mail(session, notification.user_id, mail)

        await self._database.write(tell)
        self.wake()

    async def post(
        self, session: AsyncSession, user_id: uuid.UUID, kind: MailKind, *, to: str | None = None, **parameters: str
    ) -> None:
        """Tell a person about something that this unit of work does. Call :meth:`wake` when it is committed."""
        if self.is_configured:
            await repository.add_mail(session, user_id, self.seal(kind, parameters, to=to))

    def wake(self) -> None:
        """There may be mails to send."""
        if self._delivery is not None:
            self._delivery.worker.wake()
