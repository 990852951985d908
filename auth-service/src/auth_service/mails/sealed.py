"""Mails as they are kept: only JWT_SECRET opens what they say, since there are tokens in it."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from auth_service.jwt_secrets import JwtSecret
from auth_service.mails.letters import MailKind


@dataclass(frozen=True, slots=True)
class SealedMail:
    """A mail whose content is encrypted; after ``expires_at`` it is not sent any more."""

    id: uuid.UUID
    kind: str
    wrapped: bytes
    wrapping_key_id: str
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class MailContent:
    """What only the sender of a mail reads: another address than the person's, and what its letter is made of."""

    to: str | None
    parameters: Mapping[str, str]


def seal_mail(
    secret: JwtSecret, mail_id: uuid.UUID, kind: MailKind, content: MailContent, *, life: dt.timedelta
) -> SealedMail:
    """Make a mail that is of use for ``life``."""
    document = json.dumps({"to": content.to, "parameters": dict(content.parameters)}).encode()
    return SealedMail(
        id=mail_id,
        kind=kind.value,
        wrapped=secret.wrap(document, bound_to=_bound_to(mail_id)),
        wrapping_key_id=secret.key_id,
        expires_at=dt.datetime.now(dt.UTC) + life,
    )


def open_mail(secret: JwtSecret, mail_id: uuid.UUID, wrapped: bytes) -> MailContent:
    """What :func:`seal_mail` was given.

    Raises:
        UnsealingError: it was changed in the database.
    """
    document = json.loads(secret.unwrap(wrapped, bound_to=_bound_to(mail_id)))
    return MailContent(document["to"], document["parameters"])


def _bound_to(mail_id: uuid.UUID) -> str:
    return f"mail:{mail_id}"
