"""What Cat House tells a cat: one envelope for every type of message."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr, ValidationError

from cathouse.cat.errors import InvalidMessageError
from cathouse.cat.signatures import SigningSecrets


class Part(BaseModel):
    """A part of a message or of an answer. Members that this library does not know are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class CatIdentity(Part):
    """Which cat is meant, at which version."""

    id: uuid.UUID
    version: str


class Installation(Part):
    """Which installation it is about. ``config`` is what the player configured."""

    id: uuid.UUID
    instance_name: str
    config: Any = None


class Player(Part):
    """Who talks. ``id`` is an alias: the same for every message, another one for every cat."""

    id: uuid.UUID
    nickname: str | None = None
    timezone: str = "UTC"


class Token(Part):
    """A token for one installation, for five minutes."""

    token: SecretStr
    expires_at: AwareDatetime

    @property
    def expired(self) -> bool:
        """Whether it is over."""
        return self.expires_at <= dt.datetime.now(dt.UTC)


class Callback(Token):
    """Where a cat may call Cat House about the installation, and with which token."""

    installation_url: str
    proxy_url: str


class Message(Part):
    """One message.

    ``type`` is a plain text, since Cat House may come to send more types. ``id`` is the webhook-id: the same for every
    attempt to deliver the message. ``callback`` is None unless the installation is active.
    """

    type: str
    id: str
    created_at: AwareDatetime
    cat: CatIdentity
    installation: Installation | None = None
    player: Player | None = None
    permissions: tuple[str, ...] = ()
    input: Any = None
    callback: Callback | None = None
    challenge: str | None = None


class InstallationMessage(Message):
    """A message about an installation: what a player says, and what becomes of it."""

    installation: Installation


def read_message(secret: str | Sequence[str] | SigningSecrets, headers: Mapping[str, str], body: bytes) -> Message:
    """The message in a request, when it is Cat House's: an InstallationMessage when it is about an installation.

    ``body`` is what came, byte by byte; ``headers`` may be in any case.

    Raises:
        InvalidSignatureError: it is not signed with one of the secrets, or too old. Answer 400.
        InvalidMessageError: it is signed and cannot be read. Answer 400.
        ValueError: the secret is none.
    """
    secrets = secret if isinstance(secret, SigningSecrets) else SigningSecrets(secret)
    secrets.verify(headers, body)
    try:
        message = Message.model_validate_json(body)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, each["loc"])) or "the body" for each in error.errors())
        raise InvalidMessageError(f"The message cannot be read: {places}.") from None
    if message.installation is None:
        return message
    return InstallationMessage.model_construct(**dict(message))
