"""Projects, branches and computes as a person reads them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cathouse.cli.tables import plain, print_table, size
from cathouse.neon import Branch, Compute, Project


def print_projects(projects: Iterable[Project]) -> None:
    """One line each."""
    _print(
        ("id", "name", "region", "Postgres", "made (UTC)"),
        [(each.id, each.name, each.region_id, str(each.pg_version), _day(each.created_at)) for each in projects],
    )


def print_branches(branches: Sequence[Branch]) -> None:
    """One line each; the parent by its name where it is among them."""
    names = {branch.id: branch.name for branch in branches}
    _print(
        ("id", "name", "parent", "state", "size", "made (UTC)", "ends (UTC)"),
        [
            (
                each.id,
                f"{each.name} (default)" if each.default else each.name,
                names.get(each.parent_id or "", each.parent_id or ""),
                each.current_state,
                _size(each.logical_size),
                _day(each.created_at),
                _day(each.expires_at),
            )
            for each in branches
        ],
    )


def print_computes(computes: Iterable[Compute], branches: Iterable[Branch]) -> None:
    """One line each, with the branch's name."""
    names = {branch.id: branch.name for branch in branches}
    _print(
        ("id", "branch", "type", "state", "compute units", "suspends", "host"),
        [
            (
                each.id,
                names.get(each.branch_id, each.branch_id),
                each.type,
                each.current_state,
                f"{each.autoscaling_limit_min_cu:g}-{each.autoscaling_limit_max_cu:g}",
                _suspends(each.suspend_timeout_seconds),
                each.host,
            )
            for each in computes
        ],
    )


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Names and values, those that there are."""
    for name, value in facts:
        if value:
            print(f"{name:<14}{plain(value)}")


def project_facts(project: Project) -> list[tuple[str, str]]:
    """What is known of a project."""
    kept = project.history_retention_seconds
    return [
        ("project", project.name),
        ("id", project.id),
        ("organization", project.org_id or ""),
        ("region", project.region_id),
        ("Postgres", str(project.pg_version)),
        ("history", f"{kept / 3600:g} h" if kept is not None else ""),
        ("made (UTC)", _day(project.created_at)),
    ]


def branch_facts(branch: Branch) -> list[tuple[str, str]]:
    """What is known of a branch."""
    return [
        ("branch", f"{branch.name} (default)" if branch.default else branch.name),
        ("id", branch.id),
        ("parent", branch.parent_id or ""),
        ("state", branch.current_state),
        ("protected", "yes" if branch.protected else "no"),
        ("size", _size(branch.logical_size)),
        ("made (UTC)", _day(branch.created_at)),
        ("ends (UTC)", _day(branch.expires_at)),
    ]


def _print(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        print_table(headings, rows)
    else:
        print("none")


def _day(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else ""


def _size(count: int | None) -> str:
    return "" if count is None else size(count)


def _suspends(seconds: int) -> str:
    return {0: "after 300 s", -1: "never"}.get(seconds, f"after {seconds} s")
