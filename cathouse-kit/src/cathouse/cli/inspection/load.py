"""``cathouse db slow`` and ``cathouse db connections``."""

from typing import Annotated

import typer

from cathouse.cli.tables import print_table
from cathouse.configuration import load
from cathouse.database import DatabaseSettings, MigrationSettings
from cathouse.database.budget import parse_shares
from cathouse.upkeep.direct import connect
from cathouse.upkeep.inspection.connections import ServiceConnections, count_connections
from cathouse.upkeep.inspection.slow import Order, slow_statements


def slow(
    *,
    by: Annotated[Order, typer.Option(help="By all calls' time together, or by one call's.")] = Order.TOTAL,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 20,
) -> None:
    """List the statements that take the most time, from pg_stat_statements; values are placeholders there."""
    with connect(load(MigrationSettings).url()) as connection:
        found = slow_statements(connection, by=by, limit=limit)
    rows = [
        (
            f"{each.total_ms:,.1f}",
            f"{each.mean_ms:,.2f}",
            f"{each.calls:,}",
            f"{each.rows:,}",
            each.role,
            each.statement,
        )
        for each in found
    ]
    numbers = ("total ms", "mean ms", "calls", "rows")
    print_table((*numbers, "role", "statement"), rows, right=numbers)


def connections() -> None:
    """Show who is connected: each service beside its share, the budget and its role's limit, all others in sum."""
    settings = load(DatabaseSettings)
    with connect(load(MigrationSettings).url()) as connection:
        found = count_connections(connection, shares=parse_shares(settings.db_shares), replicas=settings.replicas)
    numbers = ("open", "active", "idle", "idle in transaction", "longest transaction", "share", "role limit")
    print_table(("service", "role", *numbers), [_row(each) for each in found.services], right=numbers)
    opened = sum(each.open for each in found.services)
    print(f"services {opened} of a budget of {settings.db_connection_budget} (DB_CONNECTION_BUDGET)")
    print(f"others   {found.others} in this database, {found.elsewhere} in the server's other databases")
    total = opened + found.others + found.elsewhere
    print(f"server   {total} of {found.usable} usable, max_connections {found.maximum}")
    for each in found.services:
        if each.open > each.share:
            print(f"over its share: {each.service} by {each.open - each.share} (are REPLICAS and DB_SHARES right?)")
    if found.hidden:
        print(f"the state of {found.hidden} is hidden from this role: GRANT pg_read_all_stats shows it")


def _row(each: ServiceConnections) -> tuple[object, ...]:
    return (
        each.service,
        ", ".join(each.roles) or "-",
        each.open,
        each.active,
        each.idle,
        each.in_transaction,
        "-" if each.longest is None else f"{each.longest:.1f} s",
        each.share,
        "-" if each.limit is None else each.limit,
    )
