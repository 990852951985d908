"""``cathouse db tables``, ``describe``, ``sql``, ``explain``, ``slow``, ``connections``, ``check``, ``init``."""

import typer

from cathouse.cli.inspection.check import check
from cathouse.cli.inspection.init import init
from cathouse.cli.inspection.load import connections, slow
from cathouse.cli.inspection.statements import explain_statement, run_sql
from cathouse.cli.inspection.structure import describe, tables

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Join the commands of ``cathouse db``."""
    app.command("init")(init)
    app.command("check")(check)
    app.command("tables")(tables)
    app.command("describe")(describe)
    app.command("sql")(run_sql)
    app.command("explain")(explain_statement)
    app.command("slow")(slow)
    app.command("connections")(connections)
