"""What can go wrong between a service and Postgres, as callers meet it."""

from cathouse.errors import ServiceError


class DatabaseUnavailableError(ServiceError):
    """The database did not answer within the deadline; nothing was changed."""

    code = "database_unavailable"
    status = 503
    title = "The database is away"

    def __init__(self, detail: str = "The database cannot be reached at the moment. Nothing was changed.") -> None:
        """``Retry-After`` tells clients when a wake-up has most likely ended."""
        super().__init__(detail, retry_after_s=2)


class PoolExhaustedError(ServiceError):
    """All connections were busy for as long as a request may wait (``DB_POOL_TIMEOUT``)."""

    code = "pool_exhausted"
    status = 503
    title = "All database connections are busy"

    def __init__(self, waited: float) -> None:
        """``waited`` is in seconds."""
        super().__init__(
            f"No database connection became free within {waited:g} seconds. Nothing was changed.",
            retry_after_s=1,
        )


class DatabaseReadOnlyError(ServiceError):
    """Postgres takes no writes: it is being moved, or its plan's limit is reached."""

    code = "database_read_only"
    status = 503
    title = "The database takes no writes at the moment"

    def __init__(self) -> None:
        """Reads go on."""
        super().__init__(
            "The database is read-only at the moment. Nothing was changed; reading works.",
            retry_after_s=30,
        )


class DatabaseFullError(ServiceError):
    """Postgres has no room left: the disk, or the project's storage limit."""

    code = "database_full"
    status = 503
    title = "The database is full"

    def __init__(self) -> None:
        """Reads go on."""
        super().__init__(
            "The database has no room for anything new. Nothing was changed; reading works.",
            retry_after_s=60,
        )


class OutcomeUnknownError(ServiceError):
    """The connection broke between COMMIT and its answer: the change is either done or not."""

    code = "outcome_unknown"
    status = 503
    title = "It is not known whether the change was made"

    def __init__(self) -> None:
        """Say how a client finds out."""
        super().__init__(
            "The database connection broke while the change was being committed. Read the object before you try again,"
            " or send the request again with the same Idempotency-Key.",
            retry_after_s=1,
        )
