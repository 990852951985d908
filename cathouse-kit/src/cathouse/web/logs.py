"""Logs: lines for people in development, JSON in production; the request's id in every one of them."""

import logging
import sys

import structlog

from cathouse.configuration import EnvironmentSettings

# Their own lines would repeat ours, or, on INFO, show URLs with what is in them.
_QUIET = ("uvicorn.access", "httpx", "httpcore", "aiohttp.access", "asyncio", "sqlalchemy")


def configure_logs(settings: EnvironmentSettings, service: str) -> None:
    """Send structlog's and the standard library's records to standard error, in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.is_production:
        last: list[structlog.typing.Processor] = [
            # Tracebacks without the values of local variables: those may be secrets.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    else:
        last = [
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, colors=sys.stderr.isatty())
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
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
