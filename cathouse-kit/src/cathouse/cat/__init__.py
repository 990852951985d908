"""For those who write cats: checking what comes from Cat House, answering it, calling back.

It needs standardwebhooks, httpx and pydantic, and nothing else of Cat House. docs/cats.md shows how it is used.
"""

from cathouse.cat.application import Cat
from cathouse.cat.errors import (
    CallbackError,
    InvalidMessageError,
    InvalidSignatureError,
    NotActiveError,
    NotGrantedError,
    QuotaError,
    RateLimitedError,
    Refusal,
    RevisionMismatchError,
    TokenRefusedError,
    UnavailableError,
)
from cathouse.cat.events import Event
from cathouse.cat.house import CurrentInstallation, ExternalAnswer, House, Notification, request_token
from cathouse.cat.messages import (
    Callback,
    CatIdentity,
    Installation,
    InstallationMessage,
    Message,
    Player,
    Token,
    read_message,
)
from cathouse.cat.storage import StoredKey, StoredValue
from cathouse.cat.tasks import Task

__all__ = [
    "Callback",
    "CallbackError",
    "Cat",
    "CatIdentity",
    "CurrentInstallation",
    "Event",
    "ExternalAnswer",
    "House",
    "Installation",
    "InstallationMessage",
    "InvalidMessageError",
    "InvalidSignatureError",
    "Message",
    "NotActiveError",
    "NotGrantedError",
    "Notification",
    "Player",
    "QuotaError",
    "RateLimitedError",
    "Refusal",
    "RevisionMismatchError",
    "StoredKey",
    "StoredValue",
    "Task",
    "Token",
    "TokenRefusedError",
    "UnavailableError",
    "read_message",
    "request_token",
]
