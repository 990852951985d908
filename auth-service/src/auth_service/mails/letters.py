"""What each mail says.

A name that somebody gave at registration is never in a mail to an address that nobody has proved to be theirs: it would
let a stranger write to anybody in our name.
"""

import enum
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime

Parameters = Mapping[str, str]


class MailKind(enum.StrEnum):
    """Why somebody gets a mail."""

    VERIFY_EMAIL = "verify_email"
    ACCOUNT_EXISTS = "account_exists"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a kind
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the same
    CHANGE_EMAIL = "change_email"
    EMAIL_CHANGED = "email_changed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    RECOVERY_CODE_USED = "recovery_code_used"
    SESSION_REUSED = "session_reused"
    ACCOUNT_ERASED = "account_erased"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it is formatted: paragraphs, with a link after the first one."""

    subject: str
    paragraphs: tuple[str, ...]
    link: tuple[str, str] | None = None

    def text(self) -> str:
        """As plain text."""
        first, *others = self.paragraphs
        parts = [first, *([f"{self.link[0]}:\n{self.link[1]}"] if self.link else []), *others, "Cat House"]
        return "\n\n".join(parts) + "\n"

    def html(self) -> str:
        """As HTML. Nothing is loaded from anywhere, so that opening it tells nobody."""
        first, *others = (f"<p>{html.escape(paragraph)}</p>" for paragraph in self.paragraphs)
        link = ""
        if self.link:
            label, url = (html.escape(part) for part in self.link)
            link = f'<p><a href="{url}">{label}</a></p><p style="color:#555">{url}</p>'
        body = "".join((first, link, *others, "<p>Cat House</p>"))
        return f'<!doctype html><html lang="en"><body style="font-family:sans-serif">{body}</body></html>'

    def message(self, *, sender: Address, to: str, message_id: str) -> EmailMessage:
        """As what an SMTP server takes. ``message_id`` is the same each time: so a repeated mail is seen as one.

        Raises:
            ValueError: ``to`` is not a single address.
        """
        message = EmailMessage()
        message["From"] = sender
        message["To"] = Address(addr_spec=to)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        # Lines as they are, so that the link is whole for who reads the source. A server of 7 bits gets them encoded.
        message.set_content(self.text(), cte="8bit")
        message.add_alternative(self.html(), subtype="html")
        return message


def compose(kind: MailKind, parameters: Parameters, *, public_url: str) -> Letter:
    """The letter of a kind. Links lead to ``public_url``: the front end, by configuration and never by a Host header.

    The token is in the link's fragment, which browsers send to nobody; the page there spends it by POST.
    """
    token = f"#token={parameters['token']}" if "token" in parameters else ""
    return _LETTERS[kind](parameters, lambda page: f"{public_url}/{page}{token}")


_Link = Callable[[str], str]

_NOT_YOU = "If this was not you, reset your password at once: whoever did it is logged out then."


def _verify_email(_parameters: Parameters, link: _Link) -> Letter:
    return Letter(
        "Confirm your e-mail address",
        (
            "Somebody has registered at Cat House with this address. If it was you, confirm it within 24 hours.",
            "If it was not you, do nothing: without your confirmation the account cannot be used.",
        ),
        ("Confirm this address", link("verify-email")),
    )


def _account_exists(_parameters: Parameters, link: _Link) -> Letter:
    return Letter(
        "You have an account already",
        (
            (
                "Somebody has tried to register at Cat House with this address, which has an account already. If it was"
                " you, log in; if you have forgotten your password, choose a new one within an hour."
            ),
            "If it was not you, do nothing: nothing was changed.",
        ),
        ("Choose a new password", link("reset-password")),
    )


def _reset_password(_parameters: Parameters, link: _Link) -> Letter:
    return Letter(
        "Choose a new password",
        (
            "A new password was asked for for your account at Cat House. Choose it within an hour.",
            "If you did not ask, do nothing: your password stays as it is.",
        ),
        ("Choose a new password", link("reset-password")),
    )


def _password_changed(_parameters: Parameters, _link: _Link) -> Letter:
    return Letter(
        "Your password was changed",
        ("The password of your account at Cat House was changed, and you were logged out everywhere.", _NOT_YOU),
    )


def _change_email(_parameters: Parameters, link: _Link) -> Letter:
    return Letter(
        "Confirm your new e-mail address",
        (
            "This address is to be the one of an account at Cat House. If you want that, confirm it within 24 hours.",
            "If you did not ask for it, do nothing.",
        ),
        ("Use this address", link("verify-email")),
    )


def _email_changed(parameters: Parameters, _link: _Link) -> Letter:
    return Letter(
        "Your e-mail address was changed",
        (
            f"Your account at Cat House has a new address: {parameters['masked']}. This one is not used any more.",
            "If this was not you, write to the people who run this Cat House: only they can help now.",
        ),
    )


def _second_factor_on(_parameters: Parameters, _link: _Link) -> Letter:
    return Letter(
        "A second factor protects your account",
        (
            "From now on, logging in at Cat House asks for a code of your authenticator app.",
            (
                "If this was not you, reset your password at once, and write to the people who run this Cat House:"
                " until they take this second factor off, you cannot log in either."
            ),
        ),
    )


def _second_factor_off(_parameters: Parameters, _link: _Link) -> Letter:
    return Letter(
        "The second factor was taken off",
        ("Logging in at Cat House does not ask for a code any more.", _NOT_YOU),
    )


def _recovery_code_used(parameters: Parameters, _link: _Link) -> Letter:
    return Letter(
        "A recovery code was used",
        (
            f"Somebody has logged in to your account with a recovery code. Codes that are left: {parameters['left']}.",
            "If this was not you, change your password, and make new recovery codes.",
        ),
    )


def _session_reused(_parameters: Parameters, _link: _Link) -> Letter:
    return Letter(
        "You were logged out on one device",
        (
            (
                "A log-in of yours was used from two places, as if it had been copied. We have ended it. The other"
                " devices that you are logged in on are not concerned."
            ),
            "If you do not know why, change your password.",
        ),
    )


def _account_erased(_parameters: Parameters, _link: _Link) -> Letter:
    return Letter(
        "Your account is being erased",
        ("You have asked us to forget you. Your account is closed, and what we know of you is being removed.",),
    )


def _notification(parameters: Parameters, link: _Link) -> Letter:
    # What a stranger's cat says is shown in our inbox, not in a mail from us: there it could pass for ours.
    sender, cat, title = (" ".join(parameters[name].split()) for name in ("sender", "cat", "title"))
    return Letter(
        f"{sender} has something to tell you",
        (
            f"Your {sender} (the cat {cat}) has sent you a notification: “{title}”. Read it in your inbox.",
            "What cats write comes from their developers, not from us. Your preferences switch these mails off.",
        ),
        ("Open your inbox", link("notifications")),
    )


_LETTERS: dict[MailKind, Callable[[Parameters, _Link], Letter]] = {
    MailKind.VERIFY_EMAIL: _verify_email,
    MailKind.ACCOUNT_EXISTS: _account_exists,
    MailKind.RESET_PASSWORD: _reset_password,
    MailKind.PASSWORD_CHANGED: _password_changed,
    MailKind.CHANGE_EMAIL: _change_email,
    MailKind.EMAIL_CHANGED: _email_changed,
    MailKind.SECOND_FACTOR_ON: _second_factor_on,
    MailKind.SECOND_FACTOR_OFF: _second_factor_off,
    MailKind.RECOVERY_CODE_USED: _recovery_code_used,
    MailKind.SESSION_REUSED: _session_reused,
    MailKind.ACCOUNT_ERASED: _account_erased,
    MailKind.NOTIFICATION: _notification,
}
