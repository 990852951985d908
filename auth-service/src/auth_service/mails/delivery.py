"""Sending what is written down: beside the requests, and tried again while it is of use."""

import asyncio
import datetime as dt
import uuid
from email.message import EmailMessage

import structlog

from auth_service.jwt_secrets import JwtSecrets
from auth_service.mails import repository
from auth_service.mails.addresses import in_ascii, parse_sender
from auth_service.mails.letters import MailKind, compose
from auth_service.mails.sealed import open_mail
from auth_service.mails.transport import MailDelayedError, MailRefusedError, Transport
from cathouse.database import AnyRow, Database, Worker
from cathouse.errors import ServiceError
from cathouse.identity.sealing import UnsealingError

_GRACE_S = 2.0
"""Seconds at shutdown for mails that a server is just taking: broken off, they would be sent again."""

_GIVING_BACK_S = 1.0
"""Seconds at shutdown for giving the others back, so that the next process need not wait for their lease's end."""

_CLOSED = "it was under a JWT_SECRET that is not on this process's list (NEW,OLD)"

_logger = structlog.get_logger(__name__)


class MailDelivery:
    """Sends the mails that are written down.

    A mail is sent at least once. It comes twice when a process ends between a server's taking it and our noting that;
    then its Message-ID is the same.
    """

    def __init__(
        self, database: Database, secrets: JwtSecrets, transport: Transport, *, sender: str, public_url: str
    ) -> None:
        """``sender`` is one address, with a name before it or without.

        Raises:
            ValueError: ``sender`` is none.
        """
        self._database = database
        self._secrets = secrets
        self._key_ids = tuple(secret.key_id for secret in secrets.values)
        self.due = repository.due_mails(self._key_ids)
        self._closed = 0
        self._transport = transport
        self._sender = parse_sender(sender)
        self._public_url = public_url
        self.worker = Worker("mails", self._deliver, database.idleness, grace_s=_GRACE_S)

    def start(self) -> None:
        """Send what an earlier process left behind, then what comes."""
        self.worker.start()

    async def close(self) -> None:
        """Stop; what is not sent yet stays written down."""
        await self.worker.close()

    async def _deliver(self) -> float | None:
        claimed = await self._database.write(self.due.claim)
        under_way = {mail.id for mail in claimed}
        try:
            async with asyncio.TaskGroup() as group:
                for mail in claimed:
                    group.create_task(self._send(mail, under_way))
        except asyncio.CancelledError:
            await self._give_back(under_way)
            raise
        if self.due.is_full(claimed):
            return 0
        outlook = await self._database.read(
            lambda session: repository.look_ahead(session, self.due, key_ids=self._key_ids)
        )
        self._tell_of_closed(outlook.closed)
        return outlook.due_in

    async def _send(self, mail: AnyRow, under_way: set[uuid.UUID]) -> None:
        """One mail's attempt. Nothing that is wrong with one keeps the others of its round from being sent."""
        try:
            pause = await self._attempt(mail)
            under_way.discard(mail.id)
            if pause is None:
                await self._database.write(lambda session: repository.remove(session, mail.id))
            else:
                await self._database.write(lambda session: self.due.postpone(session, mail.id, pause))
        except ServiceError as error:
            _logger.warning("mail.not_noted", mail=str(mail.id), kind=mail.kind, code=error.code)
        except Exception:
            _logger.exception("mail.failed", mail=str(mail.id), kind=mail.kind)

    async def _attempt(self, mail: AnyRow) -> dt.timedelta | None:
        """Try once, and return after how long it is to be tried again: None when all is done."""
        told = {"mail": str(mail.id), "kind": mail.kind, "attempt": mail.attempts}
        now = dt.datetime.now(dt.UTC)
        if mail.expires_at <= now:
            cause = "its time is over" if mail.wrapping_key_id in self._key_ids else f"until the end {_CLOSED}"
            _logger.error("mail.given_up", **told, cause=cause)
            return None
        try:
            message, recipient = self._opened(mail)
            await self._transport.send(message, sender=self._sender.addr_spec, recipient=recipient)
        except MailDelayedError as delay:
            pause = self.due.pause_after(mail.attempts)
            if now + pause < mail.expires_at:
                _logger.warning("mail.delayed", **told, cause=str(delay), retry_in_s=pause.total_seconds())
                return pause
            _logger.error("mail.given_up", **told, cause=str(delay))  # noqa: TRY400 - told, not traced
        except MailRefusedError as refusal:
            _logger.error("mail.refused", **told, cause=str(refusal))  # noqa: TRY400 - the same
        else:
            _logger.info("mail.sent", **told)
        return None

    def _opened(self, mail: AnyRow) -> tuple[EmailMessage, str]:
        secret = self._secrets.find(mail.wrapping_key_id)
        if secret is None:
            raise MailDelayedError(_CLOSED)
        try:
            content = open_mail(secret, mail.id, mail.wrapped)
        except UnsealingError:
            raise MailRefusedError("it was changed in the database: what it says cannot be opened") from None
        try:
            kind = MailKind(mail.kind)
        except ValueError:
            raise MailDelayedError("its kind is unknown to this version: a newer one wrote it") from None
        letter = compose(kind, content.parameters, public_url=self._public_url)
        try:
            recipient = in_ascii(content.to or mail.email)
            message_id = f"<{mail.id}@{self._sender.domain}>"
            return letter.message(sender=self._sender, to=recipient, message_id=message_id), recipient
        except ValueError:
            raise MailRefusedError("the address of its person is none that a mail can be sent to") from None

    def _tell_of_closed(self, count: int) -> None:
        # While a new value is handed out, one replica writes what another cannot open yet: that passes by itself.
        if count > self._closed:
            advice = "another replica may have their JWT_SECRET; or put the old value back behind the new one: NEW,OLD"
            _logger.warning("mail.cannot_be_opened", mails=count, advice=advice)
        self._closed = count

    async def _give_back(self, mail_ids: set[uuid.UUID]) -> None:
        try:
            async with asyncio.timeout(_GIVING_BACK_S):
                await self._database.write(lambda session: repository.release(session, list(mail_ids)))
        except (TimeoutError, ServiceError):
            _logger.warning("mail.not_given_back", mails=len(mail_ids), due_in_s=repository.LEASE.total_seconds())
