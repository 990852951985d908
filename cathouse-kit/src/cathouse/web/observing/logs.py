"""Logs: lines for people in development, JSON in production; the request's id in every one of them."""

import asyncio
import atexit
import logging
import sys
import threading

import structlog

from cathouse.configuration import EnvironmentSettings

# Their own lines would repeat ours, or, on INFO, show URLs with what is in them.
_QUIET = ("uvicorn.access", "httpx", "httpcore", "aiohttp.access", "asyncio", "sqlalchemy")


def configure_logs(settings: EnvironmentSettings, service: str) -> None:
    """Send structlog's and the standard library's records to standard error, in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _renderers(settings)
    # Not by way of the standard library: its records are twice the price of a line, and every request has one.
    structlog.configure(
        processors=[*shared, *last],
        logger_factory=_LineLogger,
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(_LINES)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Statements without their parameters, for development; one level lower it would show rows, secrets among them.
    shows_statements = settings.log_level == "DEBUG" and not settings.is_production
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO if shows_statements else logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def _renderers(settings: EnvironmentSettings) -> list[structlog.typing.Processor]:
    if settings.is_production:
        return [
            # Tracebacks without the values of local variables: those may be secrets.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, _plain_line]


def _plain_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """A line as ConsoleRenderer makes it, without columns and colours, which a file has no use for."""
    head = f"{event.pop('timestamp')} [{event.pop('level')}] {event.pop('event')} [{event.pop('logger', '')}]"
    after = [str(text) for name in ("stack", "exception") if (text := event.pop(name, None))]
    return "\n".join((" ".join((head, *(f"{name}={_plain(value)}" for name, value in event.items()))), *after))


def _plain(value: object) -> str:
    """Text that is one word as it is; anything else so that it stays on its line."""
    return value if isinstance(value, str) and value.isprintable() and " " not in value else repr(value)


class _Lines:
    """Standard error, written to once for all lines of a turn of the event loop.

    Each line by itself was a tenth of what an answer cost. A turn is about a millisecond, and takes place behind the
    answers that the lines tell of; whatever is worse than information is written at once.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # threads log as well
        self._waiting: list[str] = []
        self._promised_by: asyncio.AbstractEventLoop | None = None
        atexit.register(self.flush)

    def write(self, text: str) -> None:
        """Take ``text``, which ends its line."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        with self._lock:
            self._waiting.append(text)
            if loop is None:
                self.flush()
            elif self._promised_by is not loop:
                self._promised_by = loop
                loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._promised_by = None
            if self._waiting:
                text = "".join(self._waiting)
                self._waiting.clear()
                sys.stderr.write(text)
                sys.stderr.flush()


_LINES = _Lines()


class _LineLogger:
    """What structlog hands its lines to."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def info(self, line: str) -> None:
        """Write ``line`` soon."""
        _LINES.write(line + "\n")

    def critical(self, line: str) -> None:
        """Write ``line`` now."""
        _LINES.write(line + "\n")
        _LINES.flush()

    debug = msg = info
    warning = error = exception = critical
