"""What the JSON Schema of a release's config may be."""

from typing import Any

from pydantic_core import to_json

LARGEST_CONFIG_SCHEMA = 32 * 1024
"""Bytes of JSON."""

DEEPEST_CONFIG_SCHEMA = 20

# A player's config is held to a stranger's schema inside installation-service: a regular expression that backtracks, a
# reference to itself, or pairwise comparison would stop it for everybody.
_COSTLY_KEYWORDS = {"pattern", "patternProperties", "uniqueItems", "$ref", "$dynamicRef", "$recursiveRef"}


def check_config_schema(document: dict[str, Any]) -> dict[str, Any]:
    """Return ``document``, unless no config of a player can be held to it here.

    Raises:
        ValueError: saying why.
    """
    if len(to_json(document)) > LARGEST_CONFIG_SCHEMA:
        raise ValueError(f"the schema is larger than {LARGEST_CONFIG_SCHEMA // 1024} KiB")
    if _depth(document) > DEEPEST_CONFIG_SCHEMA:
        raise ValueError(f"the schema is nested deeper than {DEEPEST_CONFIG_SCHEMA} levels")
    # 2 MB and some 20 ms for the few releases that take a config.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path) or "its top"
        raise ValueError(f"not a JSON Schema (2020-12): see {place}") from None
    if costly := sorted(_COSTLY_KEYWORDS & _members(document)):
        raise ValueError(f"the keyword {costly[0]} is not accepted here, since checking it can take very long")
    if document.get("type") != "object":
        raise ValueError('a config is an object: the schema needs "type": "object" at its top')
    return document


def _members(value: Any) -> set[str]:  # noqa: ANN401 - any JSON value
    """The names of all members, at every level."""
    names: set[str] = set()
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            names |= each.keys()
            pending += each.values()
        elif isinstance(each, list):
            pending += each
    return names


def _depth(value: Any) -> int:  # noqa: ANN401 - any JSON value
    deepest, level = 0, [value]
    while level:
        deepest += 1
        children: list[Any] = []
        for each in level:
            children += each.values() if isinstance(each, dict) else each if isinstance(each, list) else []
        level = children
    return deepest
