"""Why a value could not be read or kept."""

from cathouse.errors import NotFoundError, ServiceError


class ValueNotFoundError(NotFoundError):
    """There is no value under this key."""

    title = "There is no value under this key"


class StorageQuotaError(ServiceError):
    """The installation keeps as many values as it may."""

    code = "storage_quota"
    status = 409
    title = "The storage is full"

    def __init__(self, most: int) -> None:
        """``most`` is how many keys an installation may have."""
        super().__init__(f"An installation keeps at most {most} values. Delete one first.")


class ValueTooLargeError(ServiceError):
    """The value is larger than one value may be."""

    code = "content_too_large"
    status = 413
    title = "The value is too large"

    def __init__(self, most: int) -> None:
        """``most`` is in bytes."""
        super().__init__(f"A value may have at most {most // 1024} KiB as JSON.")


class RevisionMismatchError(ServiceError):
    """The value is not, or not any more, the one that ``If-Match`` names."""

    code = "revision_mismatch"
    status = 412
    title = "The value was changed meanwhile"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("The stored value is not the one in If-Match. Read it again and decide anew.")


class JsonExpectedError(ServiceError):
    """The body of a PUT is not declared as JSON."""

    code = "unsupported_media_type"
    status = 415
    title = "The body is not JSON"

    def __init__(self) -> None:
        """Say what is expected."""
        super().__init__("Send the JSON value itself with Content-Type: application/json.")


class MalformedJsonError(ServiceError):
    """The body of a PUT cannot be read as JSON, or holds what Postgres could not keep."""

    code = "validation_failed"
    status = 422
    title = "The body is not a JSON value that can be kept"

    def __init__(self, reason: str) -> None:
        """``reason`` is a sentence for the cat's developer."""
        super().__init__(
            f"The body cannot be kept: {reason}.",
            errors=[{"location": "body", "message": reason, "type": "json_invalid"}],
        )
