"""Reading what went wrong between us and Postgres: whether it passes, and what an operator can do."""

import ssl

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cathouse.database.errors import DatabaseFullError, DatabaseReadOnlyError
from cathouse.errors import ServiceError

# Class 08 is a broken connection, also in PgBouncer's own words; the others the server says of itself: shutting down,
# crashed, starting up. Whatever was sent last may or may not have been done.
_CONNECTION_CLASS = "08"
_SERVER_GOES = {"57P01", "57P02", "57P03"}
# Out of slots, deadlock, serialization failure: nothing was changed, and a moment later it may well succeed.
_PASSING_STATES = {"53300", "40P01", "40001"}
_LOGIN_REFUSED = {
    "28P01": "the password is wrong: was it changed? Give the new one (DATABASE_URL_FILE is read again by itself,"
    " DATABASE_URL needs a restart). Special characters in it must be percent-encoded (@ is %40, / is %2F)",
    "28000": "the server does not let this user in from here: check the user's name, its right to log in, and whether"
    " the server wants TLS (sslmode)",
    "3D000": "the server has no such database: check the name at the end of the URL, or make it (cathouse db init)",
}
_REFUSED_WRITES: dict[str, type[ServiceError]] = {"25006": DatabaseReadOnlyError, "53100": DatabaseFullError}

FAILURES = (DBAPIError, OSError, PoolTimeoutError)
"""What a driver or the pool raises when a unit could not be done; TimeoutError is an OSError."""


def sqlstate(error: BaseException) -> str | None:
    """Postgres's five-character code, when the server (or its pooler) gave one."""
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None)
    return state if isinstance(state, str) else None


def broke_the_connection(error: BaseException) -> bool:
    """Whether the connection itself broke, so that what was sent may or may not have arrived."""
    state = sqlstate(error)
    if state is not None and (state.startswith(_CONNECTION_CLASS) or state in _SERVER_GOES):
        return True
    if isinstance(error, DBAPIError):
        # asyncpg's word for a value that does not fit its parameter is an InterfaceError as well, and a ValueError.
        is_interface = isinstance(error, InterfaceError) and not isinstance(_cause(error), ValueError)
        return error.connection_invalidated or is_interface
    return isinstance(error, OSError)


def is_passing(error: BaseException) -> bool:
    """Whether the same unit may well succeed in a moment."""
    # A migration changed a table under a statement that was prepared before; SQLAlchemy forgets them all on this error.
    is_outdated = isinstance(_cause(error), (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError))
    is_refused = isinstance(error, PoolTimeoutError) or sqlstate(error) in _PASSING_STATES
    return is_outdated or is_refused or broke_the_connection(error)


def refuses_login(error: BaseException) -> bool:
    """Whether the server answers and does not let us in: waiting does not help."""
    return sqlstate(error) in _LOGIN_REFUSED


def refused_write(error: BaseException) -> ServiceError | None:
    """The error to answer with when the server takes no writes at the moment."""
    kind = _REFUSED_WRITES.get(sqlstate(error) or "")
    return kind() if kind is not None else None


def explain(error: BaseException) -> str:
    """What happened and what can be done, in one line, without any secret."""
    original = _cause(error)
    if isinstance(original, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate cannot be verified ({original.verify_message}): give its authority by"
            " sslrootcert=FILE, or check that the host is the name on the certificate"
        )
    advice = _LOGIN_REFUSED.get(sqlstate(error) or "")
    # The first line: what Postgres adds in further ones (DETAIL) are values of rows.
    said = next(iter(str(original).strip().splitlines()), "") or _silence(original)
    return f"{said}: {advice}" if advice else said


def _cause(error: BaseException) -> BaseException:
    original = getattr(error, "orig", None) or error
    while isinstance(original.__cause__, Exception):  # not the cancellation behind a time-out
        original = original.__cause__
    return original


def _silence(error: BaseException) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
