"""The root of all errors that a caller is meant to see.

Each subject defines small subclasses with a stable machine word (``code``) and the HTTP status that it
stands for. Nothing here knows about a web framework; ``cathouse.web.contract.problems`` turns an error into an
``application/problem+json`` answer (RFC 9457).
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ServiceError(Exception):
    """A refusal or failure with a stable code, a status and a sentence for the person who meets it.

    ``detail`` says what happened and what to do; ``members`` are extension members of the problem document;
    ``headers`` go into the answer. ``retry_after_s`` is its ``Retry-After``: whole seconds, one at least.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
        **members: Any,  # noqa: ANN401 - any JSON value may be a member of a problem document
    ) -> None:
        """Describe one occurrence; without ``detail`` the title is shown."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        self.retry_after_s = retry_after_s
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
        self.members = members


class NotFoundError(ServiceError):
    """The thing does not exist, or is somebody else's: both look alike on purpose."""

    code = "not_found"
    status = 404
    title = "Not found"
