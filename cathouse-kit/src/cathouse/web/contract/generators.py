"""An OpenAPI document as generators of clients want it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

EVERY_SERVICES_TAG = "operations"
"""Of the routes that each service has."""

_REFERENCE = "#/components/schemas/"
_NAMES = {"properties", "patternProperties", "schemas"}
"""Where the keys of an OpenAPI document are names of somebody's, not its own words."""

_VALUES = {"example", "examples", "default", "const", "enum"}
"""Where JSON stands that is nobody's schema."""


def for_generators(document: dict[str, Any], service: str) -> dict[str, Any]:
    """What FastAPI made, with names that a client may be built of, also one of all four documents.

    A schema has the name that the HTTP contract has for it, which is its model's title, and no operation of another
    ``service`` has the same id.

    Raises:
        ValueError: when two schemas have the same title.
    """
    for operation in _operations(document):
        if operation.get("tags") == [EVERY_SERVICES_TAG]:
            operation["operationId"] += f"_of_{service}"
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        if "examples" in schema:
            schema["examples"] = [_with_nulls(each, schema, schemas) for each in schema["examples"]]
    return _named_by_titles(document)


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _with_nulls(example: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """``example`` as its model has it: FastAPI leaves every null out of a document, those of examples as well."""
    found = _resolved(schema, schemas)
    if isinstance(example, list):
        return [_with_nulls(each, found.get("items", {}), schemas) for each in example]
    if not isinstance(example, dict):
        return example
    properties, required = found.get("properties", {}), found.get("required", ())
    given = {name: _with_nulls(each, properties.get(name, {}), schemas) for name, each in example.items()}
    return {name: given.get(name) for name in properties if name in given or name in required} | given


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the schema of an object, or of an object or null, refers to."""
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            return dict(schemas[each["$ref"].removeprefix(_REFERENCE)])
    return schema


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
