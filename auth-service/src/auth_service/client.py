"""From where a person calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """What is known of the other side: told to the person in the list of sessions, and kept beside audited events."""

    user_agent: str | None
    ip: str | None
