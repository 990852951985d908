"""Which rule of the database a statement broke."""

from sqlalchemy.exc import IntegrityError


def broken_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint or unique index, as asyncpg reports it."""
    cause: BaseException | None = error.orig
    while cause is not None:
        name = getattr(cause, "constraint_name", None)
        if isinstance(name, str):
            return name
        cause = cause.__cause__
    return None
