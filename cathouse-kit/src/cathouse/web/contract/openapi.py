"""What FastAPI cannot say by itself in a service's OpenAPI document."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from cathouse.identity import KNOWN_WHEN_SIGNED_IN, policy_of
from cathouse.web.contract.generators import for_generators
from cathouse.web.contract.problems import Problem

CallableT = TypeVar("CallableT", bound=Callable[..., Any])

_MARK = "documented"


@dataclass(frozen=True, slots=True)
class Additions:
    """What a call's entry has beside what FastAPI finds by itself: responses by status, and parameters."""

    responses: Mapping[str, Mapping[str, Any]]
    parameters: Sequence[Mapping[str, Any]] = ()


def documented(additions: Additions) -> Callable[[CallableT], CallableT]:
    """Mark a route's function, or a dependency for all routes that use it, with what is to be in their entries."""

    def mark(function: CallableT) -> CallableT:
        vars(function)[_MARK] = additions
        return function

    return mark


def complete_openapi(app: FastAPI, service: str, *, token_url: str) -> None:
    """Let Swagger's Authorize log in at ``token_url``, describe the one error shape, say where a log-in is optional.

    Whoever reads the document, a person or a generator of clients, may take each call's ``security`` at its word.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            components = document.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            model = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(model.pop("$defs", {}))
            schemas["Problem"] = model
            person = components.get("securitySchemes", {}).get("Person")
            if person is not None:
                person["flows"]["password"]["tokenUrl"] = token_url
            _say_where_a_log_in_is_optional(app, document)
            for method, path, dependant in _calls(app):
                for additions in _additions(dependant):
                    _add(document["paths"][path][method.lower()], additions)
            app.openapi_schema = for_generators(document, service)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its document


def _say_where_a_log_in_is_optional(app: FastAPI, document: dict[str, Any]) -> None:
    for method, path, policies in stated_policies(app):
        if any(policy.startswith(KNOWN_WHEN_SIGNED_IN) for policy in policies):
            # OpenAPI's way to say "or without one": a scheme that is read is otherwise a scheme that is required.
            document["paths"][path][method.lower()]["security"].append({})


def stated_policies(app: FastAPI) -> Iterator[tuple[str, str, set[str]]]:
    """For every call of a service: method, path as the document has it, and what its route says of who may call it."""
    for method, path, dependant in _calls(app):
        yield method, path, {policy for each in _all(dependant) if (policy := policy_of(each.call)) is not None}


def _calls(app: FastAPI) -> Iterator[tuple[str, str, Dependant]]:
    for context in iter_route_contexts(app.routes):
        route: Any = context
        if isinstance(context.original_route, APIRoute):
            for method in route.methods:
                yield method, route.path_format, route.dependant


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from _all(each)


def _additions(dependant: Dependant) -> Iterator[Additions]:
    for each in _all(dependant):
        additions = getattr(each.call, _MARK, None)
        if isinstance(additions, Additions):
            yield additions


def _add(operation: dict[str, Any], additions: Additions) -> None:
    operation.setdefault("parameters", []).extend(dict(each) for each in additions.parameters)
    responses = operation["responses"]
    for status, response in additions.responses.items():
        responses[status] = {**responses.get(status, {}), **response}
