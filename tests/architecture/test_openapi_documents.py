"""What a generator of clients makes of the four OpenAPI documents."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cathouse.web import SERVICES
from tests.fixtures.pages import DOCS

DOCUMENTS: dict[str, dict[str, Any]] = {
    service: json.loads((DOCS / "openapi" / f"{service}.json").read_text(encoding="utf-8")) for service in SERVICES
}
OPERATIONS = [
    pytest.param(operation, id=operation["operationId"])
    for document in DOCUMENTS.values()
    for path in document["paths"].values()
    for operation in path.values()
]
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _examples() -> Iterator[Any]:
    for service, document in DOCUMENTS.items():
        for name, schema in document["components"]["schemas"].items():
            for number, example in enumerate(schema.get("examples", ())):
                yield pytest.param(service, name, example, id=f"{service}-{name}-{number}")


EXAMPLES = list(_examples())


def test_operations_of_all_four_have_ids_of_their_own() -> None:
    ids = Counter(each.id for each in OPERATIONS)
    assert [each for each, count in ids.items() if count > 1] == []
    assert [each for each in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)*", str(each))] == []


def test_schemas_have_plain_names_that_mean_the_same_everywhere() -> None:
    seen: dict[str, Any] = {}
    for document in DOCUMENTS.values():
        for name, schema in document["components"]["schemas"].items():
            assert re.fullmatch(r"([A-Z][a-z]+)+", name)
            assert not name.endswith("View"), "a name of ours: give the model the title that the contract has"
            assert seen.setdefault(name, schema) == schema, f"{name} is not the same in all documents"


@pytest.mark.parametrize(("service", "name", "example"), EXAMPLES)
def test_an_example_is_what_its_schema_says(service: str, name: str, example: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENTS[service]["components"]}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [fault.message for fault in validator.iter_errors(example)] == []


def test_what_a_front_end_shows_and_sends_most_has_examples() -> None:
    given = {(each.values[0], each.values[1]) for each in EXAMPLES}
    assert given >= {
        *(("auth", name) for name in ("Login", "Tokens", "User", "Registration", "Preferences", "Problem")),
        *(("catalog", name) for name in ("Cat", "OwnedCat", "CatCreation", "Release", "OwnedRelease")),
        *(("installation", name) for name in ("Installation", "InstallationCreation", "Notification", "Task")),
        *(("proxy", name) for name in ("InteractionRequest", "ExternalCall", "TestResult")),
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_error_has_the_one_shape(operation: dict[str, Any]) -> None:
    errors = {status: each.get("content") for status, each in operation["responses"].items() if status[0] in "45"}
    assert {"4XX", "5XX"} <= errors.keys()
    if operation["tags"] == ["operations"]:
        errors.pop("503", None)  # health: how the database is, not an error
    assert all(content == PROBLEM for content in errors.values())
