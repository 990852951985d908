"""``cathouse db check``."""

import asyncio
from typing import Annotated

import typer

from cathouse.cli.tables import plain
from cathouse.configuration import ConfigurationError, load
from cathouse.schema import HEAD_REVISION
from cathouse.schema.ownership import SERVICES
from cathouse.upkeep.inspection.services import ServiceCheck, ServiceDatabaseSettings, check_services


def check(
    services: Annotated[
        list[str] | None, typer.Argument(help="auth, catalog, installation, proxy; all of them")
    ] = None,
) -> None:
    """Connect as each service would, and say what it finds there and whether it may do what it needs and no more.

    A service's URL is AUTH_DATABASE_URL, CATALOG_DATABASE_URL, INSTALLATION_DATABASE_URL or PROXY_DATABASE_URL, and
    DATABASE_URL where that is not set. The exit status is 1 when something fails.
    """
    for service in services or ():
        if service not in SERVICES:
            raise ConfigurationError(f"there is no service {service}: expected {', '.join(SERVICES)}")
    settings = load(ServiceDatabaseSettings)
    checks = asyncio.run(check_services(settings, services or SERVICES))
    for each in checks:
        _print_check(each)
    for note in dict.fromkeys(note for each in checks for note in each.notes):
        print(f"note: {plain(note)}")
    failed = [each.service for each in checks if each.failures]
    if failed:
        print(f"failed: {', '.join(failed)}")
        raise typer.Exit(1)
    print("all is well")


def _print_check(check: ServiceCheck) -> None:
    print(f"{check.service}-service")
    if check.url is not None and check.latency_ms is not None:
        reached = "directly" if check.pooler == "none" else "through a transaction pooler"
        lines = {
            "server": f"{check.url.host}:{check.url.port}, Postgres {check.server_version}, {reached}",
            "login": f"{check.user} in the database {check.database}",
            "TLS": check.tls,
            "round trip": f"{check.latency_ms:.2f} ms (median)",
            "pgvector": check.vector_version or "missing",
            "structure": f"{check.migration or 'out of reach'} (this code wants {HEAD_REVISION})",
        }
        for name, value in lines.items():
            print(f"  {name:<11}{plain(value)}")
    for failure in check.failures:
        print(f"  FAILED     {plain(failure)}")
