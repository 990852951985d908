"""What Neon's document knows and Prism does not hold a request to: that nothing is sent which it does not name."""

import re
from collections.abc import Iterable, Mapping
from typing import Any


class Document:
    """Neon's OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template)), item) for template, item in document["paths"].items()
        ]

    def unknown_members(self, method: str, path: str, query: Iterable[str], body: Any) -> list[str]:
        """Parameters and members of the body that the document does not have for this call."""
        item: Mapping[str, Any] = next((each for pattern, each in self._paths if pattern.fullmatch(path)), {})
        operation = item.get(method.lower(), {})
        parameters = [self._resolve(each) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))]
        named = {each["name"] for each in parameters if each["in"] == "query"}
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        return sorted(set(query) - named) + self._unknown(body, content.get("schema", {}), "")

    def members(self, schema: str) -> tuple[set[str], set[str]]:
        """All members of the named schema, and those that are always there."""
        resolved = self._resolve({"$ref": f"#/components/schemas/{schema}"})
        return set(self._properties(resolved)), set(resolved.get("required", ()))

    def statuses(self) -> set[str]:
        """Every status that an operation may have."""
        return set(self._document["components"]["schemas"]["OperationStatus"]["enum"])

    def _unknown(self, value: Any, schema: Mapping[str, Any], place: str) -> list[str]:
        resolved = self._resolve(schema)
        if isinstance(value, list):
            return [fault for each in value for fault in self._unknown(each, resolved.get("items", {}), place)]
        if not isinstance(value, dict):
            return []
        properties = self._properties(resolved)
        faults = []
        for name, member in value.items():
            if name in properties:
                faults += self._unknown(member, properties[name], f"{place}{name}.")
            else:
                faults.append(f"{place}{name}")
        return faults

    def _properties(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        properties = dict(schema.get("properties", {}))
        for part in schema.get("allOf", ()):
            properties |= self._properties(self._resolve(part))
        return properties

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        found: Any = self._document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self._resolve(found)
