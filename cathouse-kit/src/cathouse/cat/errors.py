"""What can go wrong for a cat. No error, and no repr, holds a secret or a token."""

from typing import Any


class InvalidSignatureError(Exception):
    """The message is not signed with one of the cat's secrets, or was signed more than five minutes ago."""


class InvalidMessageError(Exception):
    """The message is signed by Cat House, and still cannot be read."""


class Refusal(Exception):  # noqa: N818 - an answer that a handler raises, not an error
    """Raised by a handler: the cat answers with this status, one of 400 to 499, and {"error": ``detail``}."""

    def __init__(self, status: int, detail: str) -> None:
        if not 400 <= status <= 499:
            raise ValueError("a refusal has a status of 400 to 499")
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


class CallbackError(Exception):
    """Cat House did not do what the cat asked for.

    ``status`` is None when there was no answer. ``code`` is a word of docs/errors.md. ``retry_after_s`` is how many
    seconds Cat House wants the cat to wait, where it says so. ``problem`` is the whole problem document.
    """

    def __init__(
        self,
        status: int | None,
        code: str,
        detail: str,
        *,
        retry_after_s: int | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status or 'no answer'} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.problem = problem or {}


class NotGrantedError(CallbackError):
    """The player did not grant this permission, or took it back."""

    @property
    def permission_type(self) -> str | None:
        """Which one is missing."""
        named = self.problem.get("permission_type")
        return named if isinstance(named, str) else None


class NotActiveError(CallbackError):
    """The installation is paused, suspended or uninstalled: the cat may do nothing for it."""


class TokenRefusedError(CallbackError):
    """The token has expired (it lives for five minutes). Ask for a new one."""


class RateLimitedError(CallbackError):
    """Too often. Wait for ``retry_after_s``."""


class QuotaError(CallbackError):
    """The installation has as many values, or tasks of its cat, as it may have."""


class RevisionMismatchError(CallbackError):
    """The stored value was changed meanwhile. Read it again and decide anew."""


class UnavailableError(CallbackError):
    """No answer in time, or none at the moment. Whether the call had an effect is not known."""
