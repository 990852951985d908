"""What FastAPI cannot say by itself in a service's OpenAPI document."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from cathouse.identity import KNOWN_WHEN_SIGNED_IN, policy_of
from cathouse.web.problems import Problem

CallableT = TypeVar("CallableT", bound=Callable[..., Any])

EVERY_SERVICES_TAG = "operations"
"""Of the routes that each service has."""

_MARK = "documented"
_REFERENCE = "#/components/schemas/"
_NAMES = {"properties", "patternProperties", "schemas"}
"""Where the keys of an OpenAPI document are names of somebody's, not its own words."""

_VALUES = {"example", "examples", "default", "const", "enum"}
"""Where JSON stands that is nobody's schema."""


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

    Whoever reads the document, a person or a generator of clients, may take each call's ``security`` at its word. A
    schema has the name that the HTTP contract has for it, which is its model's title; and no operation of another
    ``service`` has the same id, so that a client may be made of all four documents.
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
            for method, path, policies in stated_policies(app):
                if any(policy.startswith(KNOWN_WHEN_SIGNED_IN) for policy in policies):
                    # OpenAPI's way to say "or nobody": without it a scheme that is read is a scheme that is required.
                    document["paths"][path][method.lower()]["security"].append({})
            for method, path, dependant in _calls(app):
                for additions in _additions(dependant):
                    _add(document["paths"][path][method.lower()], additions)
            for operation in _operations(document):
                if operation.get("tags") == [EVERY_SERVICES_TAG]:
                    operation["operationId"] += f"_of_{service}"
            app.openapi_schema = _named_by_titles(document)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its document


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


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _named_by_titles(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each schema under its title; then no title says anything that its place does not say.

    Raises:
        ValueError: when two schemas have the same title.
    """
    schemas = document["components"]["schemas"]
    titles = {name: str(schema.get("title", name)) for name, schema in schemas.items()}
    if twice := [title for title, count in Counter(titles.values()).items() if count > 1]:
        raise ValueError(f"two schemas are called {twice[0]}: give one of the models another title")
    renamed = {titles[name]: schema for name, schema in sorted(schemas.items(), key=lambda item: titles[item[0]])}
    components = {**document["components"], "schemas": renamed}
    return {
        **document,
        "paths": _told_plainly(document["paths"], titles, are_names=False),
        "components": _told_plainly(components, titles, are_names=False),
    }


def _told_plainly(value: Any, titles: Mapping[str, str], *, are_names: bool) -> Any:  # noqa: ANN401 - any JSON value
    """``value`` with references to schemas by ``titles``, and without titles; ``are_names``: what its keys are."""
    if isinstance(value, dict):
        if are_names:
            return {key: _told_plainly(each, titles, are_names=False) for key, each in value.items()}
        return {
            key: each if key in _VALUES else _told_plainly(each, titles, are_names=key in _NAMES)
            for key, each in value.items()
            if key != "title"
        }
    if isinstance(value, list):
        return [_told_plainly(each, titles, are_names=False) for each in value]
    if isinstance(value, str) and value.startswith(_REFERENCE):
        return _REFERENCE + titles[value.removeprefix(_REFERENCE)]
    return value
