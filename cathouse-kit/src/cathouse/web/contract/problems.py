"""Errors as ``application/problem+json`` (RFC 9457): one shape for everything that goes wrong."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from cathouse.errors import NotFoundError, ServiceError

ERRORS_PAGE = "/docs/errors"

FRAMEWORK_ERRORS = {
    400: ("malformed_request", "The request cannot be read"),
    404: (NotFoundError.code, NotFoundError.title),
    405: ("method_not_allowed", "The path does not know this method"),
    413: ("content_too_large", "The body is larger than allowed"),
    422: ("validation_failed", "The request is not valid"),
}
"""Code and title of what is refused before any code of ours is asked, by status."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

_logger = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One fault in what was sent; the value itself is never repeated."""

    location: str
    message: str
    type: str


class Problem(BaseModel):
    """What every error answer looks like. ``code`` is stable; ``detail`` is for people and may change.

    Some errors have further members: docs/errors.md has the codes, ``detail`` says what is in them.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/docs/errors#validation_failed",
                    "title": "The request is not valid",
                    "status": 422,
                    "detail": "Something in the request is missing or wrong; see errors.",
                    "instance": "/api/v1/tasks",
                    "code": "validation_failed",
                    "request_id": "0f7a2c8e5a3b4d0e9f516f1f3c1f9a01",
                    "errors": [{"location": "body.title", "message": "Field required", "type": "missing"}],
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldError] = Field(
        default_factory=list, description="Where the request is at fault; left out where that is nowhere in particular."
    )


class ProblemResponse(Response):
    """An error answer."""

    media_type = "application/problem+json"


def problem_response(description: str) -> dict[str, Any]:
    """An error answer in an OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": problem_response("The request was refused; `code` says why."),
    "5XX": problem_response("It could not be done at the moment; `code` says why."),
}
"""For every route's OpenAPI entry."""


def problem(
    scope: Mapping[str, Any],
    *,
    status: int,
    code: str,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> ProblemResponse:
    """The answer for one error; ``members`` are its extension members."""
    body = {
        "type": f"{ERRORS_PAGE}#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": scope.get("path", ""),
        "code": code,
        "request_id": scope.get("state", {}).get("request_id", ""),
        **(members or {}),
    }
    content = json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "replace")
    return ProblemResponse(content, status_code=status, headers=dict(headers or {}))


def service_error_response(scope: Mapping[str, Any], error: ServiceError) -> ProblemResponse:
    """The answer for an error of ours."""
    return problem(
        scope,
        status=error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        headers=error.headers,
        members=error.members,
    )


def framework_error_response(
    scope: Mapping[str, Any],
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> ProblemResponse:
    """The answer for what is refused before any code of ours is asked."""
    phrase = HTTPStatus(status).phrase
    code, title = FRAMEWORK_ERRORS.get(status, (phrase.lower().replace(" ", "_"), phrase))
    return problem(scope, status=status, code=code, title=title, detail=detail, headers=headers, members=members)


def unexpected_error_response(scope: Mapping[str, Any]) -> ProblemResponse:
    """The answer for a bug: nothing of it is shown, the request's id leads to the log."""
    return problem(
        scope,
        status=500,
        code=ServiceError.code,
        title=ServiceError.title,
        detail="Something went wrong on our side. The request's id leads us to it.",
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Answer all that the framework, our own code and the router refuse in the one shape."""

    @app.exception_handler(ServiceError)
    async def service_error(request: Request, error: ServiceError) -> Response:
        if error.status >= 500:
            _logger.warning("request.failed", code=error.code, cause=repr(error.__cause__) if error.__cause__ else None)
        return service_error_response(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> Response:
        return framework_error_response(
            request.scope,
            422,
            "Something in the request is missing or wrong; see errors.",
            members={"errors": [_field_error(fault) for fault in error.errors()]},
        )

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_allowed_methods(request))
        return framework_error_response(request.scope, error.status_code, error.detail, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """What the path knows: the framework names the methods of its first route only (RFC 9110 section 15.5.6)."""
    return [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


def _field_error(fault: Mapping[str, Any]) -> dict[str, str]:
    location: Sequence[Any] = fault["loc"]
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "json_invalid":
        location, position = location[:-1], location[-1]
        message = f"This is no JSON: {fault['ctx']['error']} (at character {position})"
    elif isinstance(fault.get("input"), bytes):  # a body that does not call itself JSON is not read as such
        message = "JSON is expected, with the header Content-Type: application/json"
    return {"location": ".".join(str(part) for part in location), "message": message, "type": fault["type"]}
