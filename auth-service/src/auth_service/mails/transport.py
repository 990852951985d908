"""Handing a mail over: to an SMTP server, or in development to a folder."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Protocol

import aiosmtplib
import structlog

from auth_service.mails.server import SmtpServer

DEADLINE_S = 60.0
"""Seconds for handing one mail over, from the look-up of the server's name to its answer."""

_STEP_S = 20.0
"""Seconds for each answer of the server."""

_PARTING_S = 2.0
"""Seconds for saying goodbye, when all is done."""

_TEMPORARY_AUTHENTICATION = 454
_NOT_OUR_RIGHT = frozenset({530, 535, 538})
"""RFC 4954: a log-in or encryption is wanted first. It says nothing of the recipient, whatever it answers."""

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\d)")

_logger = structlog.get_logger(__name__)


class MailDelayedError(Exception):
    """The mail was not taken this time; later it may be. The message names no address."""


class MailRefusedError(Exception):
    """The mail will never be taken. The message names no address."""


class Transport(Protocol):
    """A way for mails to leave."""

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Hand ``message`` over, for the one address ``recipient``; what comes back goes to ``sender``.

        Raises:
            MailDelayedError, MailRefusedError
        """


class SmtpTransport:
    """A connection for each mail: there are few, and none is kept open for nothing."""

    def __init__(self, server: SmtpServer) -> None:
        """Nothing is opened yet."""
        self._server = server
        self._tls = server.tls_context()

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """See ``Transport``."""
        client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.tls == "implicit",
            start_tls=False,
            tls_context=self._tls,
            timeout=_STEP_S,
        )
        try:
            with self._told():
                async with asyncio.timeout(DEADLINE_S):
                    await self._reach(client)
                    await client.send_message(message, sender=sender, recipients=[recipient])
            await _part(client)
        finally:
            client.close()

    async def _reach(self, client: aiosmtplib.SMTP) -> None:
        await client.connect()
        if self._server.tls == "starttls":
            await client.ehlo()
            if not client.supports_extension("starttls"):
                raise MailDelayedError(
                    f"{self._server!r} offers no STARTTLS: is it smtps://, or a server that needs tls=none in MAIL_URL?"
                )
            await client.starttls()
        if self._server.username is not None:
            await client.ehlo()
            if not client.supported_auth_methods:
                raise MailDelayedError(
                    f"{self._server!r} offers no log-in that we know (PLAIN, LOGIN, CRAM-MD5): does it want TLS first,"
                    " or no user in MAIL_URL?"
                )
            await client.login(self._server.username, self._server.password or "")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Failures as what to do about them; never with the server's own words, which repeat addresses."""
        server = self._server
        try:
            yield
        except aiosmtplib.SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            raise _failure(refusal, f"{server!r} refused the recipient") from None
        except aiosmtplib.SMTPDataError as error:
            raise _failure(error, f"{server!r} refused the mail") from None
        except aiosmtplib.SMTPAuthenticationError as error:
            # Ours to mend, not the mail's fault; and so below.
            advice = "later it may not" if error.code == _TEMPORARY_AUTHENTICATION else "check MAIL_URL"
            raise MailDelayedError(f"{server!r} refused the user or the password ({_codes(error)}): {advice}") from None
        except aiosmtplib.SMTPSenderRefused as error:
            raise MailDelayedError(
                f"{server!r} refused the sender ({_codes(error)}): check MAIL_FROM and the user of MAIL_URL"
            ) from None
        except aiosmtplib.SMTPResponseException as error:
            said = f"is not willing ({_codes(error)})" if error.code > 0 else "does not speak SMTP"
            raise MailDelayedError(f"{server!r} {said}") from None
        except TimeoutError:
            raise MailDelayedError(f"{server!r} did not answer in time") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise MailDelayedError(f"{server!r}: {_explain(error)}") from None


async def _part(client: aiosmtplib.SMTP) -> None:
    """Say goodbye. The mail is taken: what goes wrong now is nobody's concern."""
    try:
        await client.quit(timeout=_PARTING_S)
    except (aiosmtplib.SMTPException, OSError):
        return


def _failure(error: aiosmtplib.SMTPResponseException, what: str) -> Exception:
    # RFC 5321 section 4.2.1: 4yz is transient, 5yz permanent.
    cause = f"{what} ({_codes(error)})"
    if error.code < 500:
        return MailDelayedError(cause)
    if error.code in _NOT_OUR_RIGHT:
        return MailDelayedError(f"{cause}: it wants a log-in or TLS first, check MAIL_URL")
    return MailRefusedError(cause)


def _codes(error: aiosmtplib.SMTPResponseException) -> str:
    """``550``, or with RFC 3463's more exact one ``550 5.1.1``: the numbers of an answer, without its words."""
    enhanced = _ENHANCED.match(error.message)
    return f"{error.code} {enhanced.group()}" if enhanced else str(error.code)


def _explain(error: BaseException) -> str:
    """What lies at the bottom: the library wraps what the network and TLS say."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return (
                f"its certificate cannot be verified ({seen.verify_message.rstrip('.')}): give its authority by ca=FILE"
                " in MAIL_URL, or check that the host is the name on the certificate"
            )
        if isinstance(seen, ssl.SSLError):
            return "no TLS came about: smtps:// is for port 465, smtp:// (STARTTLS) for port 587"
        if isinstance(seen, OSError) and not isinstance(seen, aiosmtplib.SMTPException) and seen.strerror:
            return seen.strerror.lower()
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, aiosmtplib.SMTPServerDisconnected | aiosmtplib.SMTPConnectError):
        return "it ended the connection"
    return type(error).__name__


class FolderTransport:
    """For development: each mail is a file, and its text a line of the log."""

    def __init__(self, folder: Path) -> None:
        """The folder is made with the first mail."""
        self._folder = folder

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:  # noqa: ARG002 - the headers say it
        """See ``Transport``."""
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        try:
            file = await asyncio.to_thread(self._write, message)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise MailDelayedError(f"cannot write to MAIL_FOLDER {self._folder}: {reason}") from None
        _logger.info("mail.written", file=str(file), to=message["To"], subject=message["Subject"], text=text)

    def _write(self, message: EmailMessage) -> Path:
        # There are tokens in them: nobody else on this machine needs to read them.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = str(message["Message-ID"] or make_msgid()).strip("<>").partition("@")[0]
        file = self._folder / f"{name}.eml"
        unfinished = file.with_suffix(".new")
        unfinished.write_bytes(message.as_bytes())
        return unfinished.replace(file)
