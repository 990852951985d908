"""``cathouse db init``."""

from typing import Annotated

import typer

from cathouse.configuration import load
from cathouse.upkeep.creation import CreationSettings, make_database, wait_for_server
from cathouse.upkeep.migrations import find_alembic_ini, upgrade
from cathouse.upkeep.revisions import revision_of


def init(wait: Annotated[float, typer.Option(min=0, help="Seconds that the server may take to answer.")] = 30) -> None:
    """Wait for the server, make the database and its test database, and bring the structure up to date.

    What is there stays: running it again changes nothing.
    """
    settings = load(CreationSettings)
    url, test_url = settings.url(), settings.test_url()
    ini = find_alembic_ini()  # before anything is made
    for each in (url, test_url):
        server = wait_for_server(each, seconds=wait)
        made = make_database(server, each.name)
        print(f"database   {each!r} {'made' if made else 'is there already'}")
    before = revision_of(url)
    upgrade(url, ini=ini)
    after = revision_of(url)
    print(f"structure  at {after} already" if before == after else f"structure  {before} -> {after}")
