"""The drawing of the module dependencies in docs/architecture.md is what the code does."""

import re
from pathlib import Path

import grimp

DRAWING = Path(__file__).parents[2] / "docs" / "architecture.md"
SERVICES = ("auth_service", "catalog_service", "installation_service", "proxy_service")
ROOMS = ("schema", "database", "upkeep", "neon", "identity", "web", "cat", "local", "cli")
_ARROW = re.compile(r"^\s+(\w+) --> (\w+)$", re.MULTILINE)


def drawn() -> set[tuple[str, str]]:
    block = DRAWING.read_text().split("```mermaid\n", 1)[1].split("```", 1)[0]
    return set(_ARROW.findall(block))


def imported() -> set[tuple[str, str]]:
    graph = grimp.build_graph("cathouse", *SERVICES)
    names = {f"cathouse.{room}": room for room in ROOMS} | {service: service for service in SERVICES}
    for each in names:
        graph.squash_module(each)
    return {
        (names[importer], names[imported])
        for importer in names
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported in names and imported != importer
    }


def test_every_arrow_is_there_and_no_other() -> None:
    assert drawn() == imported()
