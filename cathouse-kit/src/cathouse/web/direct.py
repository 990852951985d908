"""The short way to the routes that are called most.

A route takes it by the mark ``@direct``. It remains a route of FastAPI: its document, its access policy and its
function are the same. What is spared is the framework's way there, which costs several times what such a function does
itself (docs/performance.md): layers around layers, and working out anew for each request what the function wants.

Only what is plain goes the short way. A parameter that is not valid, a body of another type or one that is too large
goes to the framework as it came, before anything was done, so that there is one place where it is refused.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse.web.contract.revalidation import send_revalidated
from cathouse.web.direct_route import DirectRoute

_MARK = "is_direct"

CallableT = TypeVar("CallableT", bound=Callable[..., Any])


def direct(function: CallableT) -> CallableT:
    """Mark a route's function: requests that are plain reach it by the short way.

    It, and whatever it depends on, is a coroutine function and takes the request, parameters of the path, one JSON
    body, and other dependencies; :class:`DirectRoutes` refuses anything else when the service is put together.
    """
    vars(function)[_MARK] = True
    return function


class DirectRoutes:
    """An ASGI application that answers the marked routes of ``app``, and leaves everything else to it."""

    def __init__(self, app: FastAPI, otherwise: ASGIApp) -> None:
        """``otherwise`` is the way through all layers of ``app``.

        Raises:
            ValueError: a marked function wants something that only the framework can give it.
        """
        self._app = app
        self._otherwise = otherwise
        self._routes: dict[str, list[DirectRoute]] = {}
        before: list[RouteContext] = []
        for context in iter_route_contexts(app.routes):
            if hasattr(context.endpoint, _MARK):
                method = min(context.methods or ())
                self._routes.setdefault(method, []).append(DirectRoute(context, method, before))
            before.append(context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes pass."""
        for route in self._routes.get(scope.get("method", ""), ()):
            parameters = route.parameters_of(scope)
            if parameters is not None:
                break
        else:
            await self._otherwise(scope, receive, send)
            return
        values = route.begin(parameters)
        messages: list[Message] = []
        if values is not None and route.has_body:
            values = await route.take_body(scope, receive, messages, values)
        if values is None or self._app.dependency_overrides:
            await self._otherwise(scope, _again(messages, receive) if messages else receive, send)
            return
        scope["app"] = self._app
        scope["route"] = route.original
        scope["endpoint"] = route.endpoint
        scope["path_params"] = parameters
        request = Request(scope, receive)
        try:
            response = await route.answer(request, values)
        except Exception as error:  # noqa: BLE001 - what nobody answers to is raised again
            response = await self._answer_to(request, error)
        if route.is_revalidated and response.status_code == 200:
            await send_revalidated(scope, send, response)
        else:
            await response(scope, receive, send)

    async def _answer_to(self, request: Request, error: Exception) -> Response:
        """What the application's handlers answer to ``error``; one that none is for is raised again."""
        for kind in type(error).__mro__:
            handler: Any = self._app.exception_handlers.get(kind)
            if handler is not None:
                response: Response = await handler(request, error)
                return response
        raise error


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """A ``receive`` that gives what was read already once more."""
    waiting = deque(messages)

    async def receive_again() -> Message:
        return waiting.popleft() if waiting else await receive()

    return receive_again
