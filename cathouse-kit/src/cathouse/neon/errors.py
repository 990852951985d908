"""What Neon refuses, said in one line with what to do about it."""

from cathouse.configuration import ConfigurationError

RETRIED = frozenset({423, 429, 503})
"""Statuses after which nothing was done and the same request may be sent again (Neon's document, GeneralError)."""

_LONGEST_MESSAGE = 300

_ADVICE = {
    401: "check NEON_API_KEY: it may be mistyped, revoked, or of another account",
    402: "the plan's limit is reached: delete what is not needed, or change the plan in Neon's console",
    403: "the API key may not do this: use one with rights on the project, and NEON_ORG_ID of its organization",
    404: "`cathouse neon project list` and `cathouse neon branch list` show what there is",
    423: "another operation is still at work there; try again in a moment",
    429: "too many requests; try again in a minute",
    503: "Neon is not available at the moment; try again",
}
_FAULT_OF_NEON = "Neon has a fault of its own; try again, and look at its status page"


class NeonError(ConfigurationError):
    """Neon refused, failed, or cannot be reached. The message is one line that says what to do; never a key.

    ``status`` is the HTTP status of Neon's answer, None when there was none.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        """Describe one occurrence."""
        super().__init__(message)
        self.status = status


class NeonUnansweredError(NeonError):
    """A request was sent and no answer came: whether it was carried out is unknown."""


def refusal(doing: str, *, status: int, message: str, code: str) -> NeonError:
    """The error for Neon's answer ``status`` to an attempt at ``doing`` ("delete branch x", for example)."""
    said = one_line(message) or one_line(code) or f"HTTP {status}"
    return NeonError(f"cannot {doing}: Neon says: {said} ({status}){_advice(status, said, code)}", status=status)


def one_line(text: str) -> str:
    """``text`` as it may be printed: without line breaks and control characters, not endless."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


def _advice(status: int, said: str, code: str) -> str:
    if "org_id" in said:
        return "; set NEON_ORG_ID"
    if "LIMIT" in code.upper() or "QUOTA" in code.upper():
        return f"; {_ADVICE[402]}"
    if status in _ADVICE:
        return f"; {_ADVICE[status]}"
    return f"; {_FAULT_OF_NEON}" if status >= 500 else ""
