"""Answers that are streams of events (Server-Sent Events)."""

from collections.abc import Iterable

_MEDIA_TYPE = b"text/event-stream"


def begins_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the answer with these headers is one, which lasts as long as its client likes."""
    return any(name == b"content-type" and value.startswith(_MEDIA_TYPE) for name, value in headers)
