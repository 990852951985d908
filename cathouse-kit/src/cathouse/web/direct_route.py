"""What is to be done for a request to one direct route: worked out once, when the service is put together."""

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, get_args

from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_validation_alias
from fastapi.routing import APIRoute, RouteContext, serialize_response
from pydantic import BaseModel
from starlette.convertors import StringConvertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from cathouse.web.contract.revalidation import is_revalidated
from cathouse.web.limits.body import LARGEST_BODY

if TYPE_CHECKING:
    import re

_JSON = b"application/json"

# What FastAPI would give a function besides: none of it is needed on the routes that are called most.
_ONLY_BY_THE_FRAMEWORK = (
    "query_params",
    "header_params",
    "cookie_params",
    "websocket_param_name",
    "response_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
    "concurrency",
)


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter of the path, or the body; ``place`` is where its value stands."""

    field: Any  # FastAPI's ModelField, which it does not export
    alias: str
    place: int


@dataclass(frozen=True, slots=True)
class _Step:
    """A dependency, or at last the route's function; ``takes`` are its arguments and the places of their values."""

    call: Callable[..., Awaitable[Any]]
    takes: tuple[tuple[str, int], ...]


class DirectRoute:
    """What FastAPI knows of a route, put in the order in which it is done: once, and not for each request.

    The values of a request stand in one list: the request itself, its parameters, and what each step gives.
    """

    def __init__(self, context: RouteContext, method: str, before: Sequence[RouteContext]) -> None:
        self._name = f"{method} {context.path}"
        if not isinstance(context.original_route, APIRoute):
            raise ValueError(f"{self._name}: only FastAPI's own routes can be direct")  # noqa: TRY004 - how it is declared
        if any(not isinstance(each, StringConvertor) for each in context.param_convertors.values()):
            raise ValueError(f"{self._name}: a direct route's parameters are single segments of the path")
        self.original = context.original_route
        self.endpoint: Callable[..., Any] = context.dependant.call
        self.is_revalidated = is_revalidated(self.endpoint)
        self._pattern: re.Pattern[str] = context.path_regex
        self._others = [
            each.path_regex for each in before if method in (each.methods or ()) and _overlap(each, context)
        ]
        self._path: list[_Parameter] = []
        self._body: _Parameter | None = None
        self._steps: list[_Step] = []
        self._size = 1
        self._plan(context)
        self.has_body = self._body is not None
        self._status = context.status_code or 200
        if context.response_field is None and isinstance(context.response_class, DefaultPlaceholder):
            raise ValueError(f"{self._name}: a direct route says what it answers")
        self._models = _models(context)
        self._serialize = partial(
            serialize_response,
            field=context.response_field,
            by_alias=context.response_model_by_alias,
            exclude_none=context.response_model_exclude_none,
            dump_json=True,
        )

    def parameters_of(self, scope: Scope) -> dict[str, str] | None:
        """What stands in the path, when it is this route's: unlike the framework's, none that is declared before it."""
        path = scope["path"]
        found = self._pattern.match(path)
        if found is None or scope.get("root_path") or any(each.match(path) for each in self._others):
            return None
        return found.groupdict()

    def begin(self, parameters: dict[str, str]) -> list[Any] | None:
        """The list of values with those of the path; None when one is not valid."""
        values: list[Any] = [None] * self._size
        for each in self._path:
            values[each.place], errors = each.field.validate(parameters[each.alias], {}, loc=("path", each.alias))
            if errors:
                return None
        return values

    async def take_body(
        self, scope: Scope, receive: Receive, messages: list[Message], values: list[Any]
    ) -> list[Any] | None:
        """``values`` with the body's, or None when that is not plain and valid JSON; ``messages`` are those read."""
        if self._body is None or not _is_json(scope):
            return None
        body = b""
        while True:
            message = await receive()
            messages.append(message)
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if len(body) > LARGEST_BODY:
                return None
            if not message.get("more_body"):
                break
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return None
        values[self._body.place], errors = self._body.field.validate(document, {}, loc=("body",))
        return None if errors else values

    async def answer(self, request: Request, values: list[Any]) -> Response:
        """Run the steps, the last of which is the route's function."""
        values[0] = request
        place = len(values) - len(self._steps)
        for step in self._steps:
            values[place] = await step.call(**{name: values[taken] for name, taken in step.takes})
            place += 1
        result = values[-1]
        if isinstance(result, Response):
            return result
        if type(result) in self._models:
            # FastAPI would validate it once more, to leave out what a subclass has beside.
            content = result.model_dump_json(by_alias=True).encode()
        else:
            content = await self._serialize(response_content=result)
        return Response(content, status_code=self._status, media_type="application/json")

    def _plan(self, context: RouteContext) -> None:
        dependants = list(_in_order(context.dependant, set()))
        arguments: dict[Any, list[tuple[str, int]]] = {}
        for dependant in dependants:
            self._refuse_what_is_not_plain(dependant)
            asks = (dependant.request_param_name, dependant.http_connection_param_name)
            arguments[dependant.call] = [(name, 0) for name in asks if name is not None]
            for field in dependant.path_params:
                self._path.append(_Parameter(field, get_validation_alias(field), self._size))
                arguments[dependant.call].append((field.name, self._size))
                self._size += 1
            for field in dependant.body_params:
                if self._body is not None or context._embed_body_fields:  # noqa: SLF001 - nothing public says so
                    raise ValueError(f"{self._name}: a direct route's body is one model")
                self._body = _Parameter(field, field.name, self._size)
                arguments[dependant.call].append((field.name, self._size))
                self._size += 1
        places: dict[Any, int] = {}
        for dependant in dependants:
            takes = arguments[dependant.call]
            takes += [(each.name, places[each.call]) for each in dependant.dependencies if each.name is not None]
            self._steps.append(_Step(dependant.call, tuple(takes)))  # type: ignore[arg-type]  # looked at above
            places[dependant.call] = self._size
            self._size += 1

    def _refuse_what_is_not_plain(self, dependant: Dependant) -> None:
        call = dependant.call
        if not (iscoroutinefunction(call) or iscoroutinefunction(getattr(call, "__call__", None))):  # noqa: B004 - its method
            raise ValueError(f"{self._name}: {call!r} is no coroutine function")
        if unknown := [each for each in _ONLY_BY_THE_FRAMEWORK if getattr(dependant, each)]:
            raise ValueError(f"{self._name}: {call!r} wants what a direct route cannot give it: {', '.join(unknown)}")


def _in_order(dependant: Dependant, known: set[Any]) -> Iterator[Dependant]:
    """Everything that ``dependant`` depends on, each once and before who needs it; itself at last."""
    for each in dependant.dependencies:
        if each.call not in known:
            yield from _in_order(each, known)
    known.add(dependant.call)
    yield dependant


def _models(context: RouteContext) -> frozenset[type]:
    """The models that a route says it answers; none where FastAPI leaves out some of their members."""
    if context.response_field is None or context.response_model_exclude_none:
        return frozenset()
    annotation = context.response_field.field_info.annotation
    kinds = get_args(annotation) or (annotation,)
    return frozenset(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))


def _overlap(one: RouteContext, other: RouteContext) -> bool:
    """Whether there can be a path that is both routes'."""
    first, second = str(one.path).split("/"), str(other.path).split("/")
    if any(":path}" in each for each in (*first, *second)):
        return True
    if len(first) != len(second):
        return False
    return all(a == b or "{" in a or "{" in b for a, b in zip(first, second, strict=True))


def _is_json(scope: Scope) -> bool:
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return types == [_JSON]
