"""The drawing of the module dependencies in docs/architecture.md, and its table of subjects, are what the code does."""

import re
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
DRAWING = ROOT / "docs" / "architecture.md"
SERVICES = ("auth_service", "catalog_service", "installation_service", "proxy_service")
BESIDE = {"__main__", "commands", "main", "settings"}
"""What puts a service together."""

_ARROW = re.compile(r"^\s+(\w+) --> (\w+)$", re.MULTILINE)


def drawn() -> set[tuple[str, str]]:
    block = DRAWING.read_text().split("```mermaid\n", 1)[1].split("```", 1)[0]
    return set(_ARROW.findall(block))


def contract_layers(container: str) -> list[set[str]]:
    """What import-linter holds a package to, from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each.get("containers") == [container])
    return [{name.strip() for name in layer.split("|")} for layer in layers]


def imported() -> set[tuple[str, str]]:
    graph = grimp.build_graph("cathouse", *SERVICES)
    rooms = set().union(*contract_layers("cathouse"))
    names = {f"cathouse.{room}": room for room in rooms} | {service: service for service in SERVICES}
    for each in names:
        graph.squash_module(each)
    return {
        (names[importer], names[imported])
        for importer in names
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported in names and imported != importer
    }


def test_every_arrow_is_there_and_no_other() -> None:
    drawing = "docs/architecture.md, Modules"
    undrawn, idle = imported() - drawn(), drawn() - imported()
    assert not undrawn, f"imported, and no arrow of {drawing}"
    assert not idle, f"an arrow of {drawing}, and not imported"


def layers() -> dict[str, list[set[str]]]:
    """The subjects of each service, from the top."""
    return {service: [layer - BESIDE for layer in contract_layers(service) if layer - BESIDE] for service in SERVICES}


def test_the_table_of_subjects_has_their_layers() -> None:
    text = DRAWING.read_text()
    told = {
        f"{name}_service": [set(re.findall(r"`(\w+)`", layer)) for layer in row.split("→")]
        for name, row in re.findall(r"^\| (\w+)-service \| (`.*→.*) \|$", text, re.MULTILINE)
    }
    assert set(told) == set(SERVICES)
    for service, found in layers().items():
        assert told[service] == found, (
            f"docs/architecture.md, Inside a service: {service}'s layers are pyproject.toml's"
        )
