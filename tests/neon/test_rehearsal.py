"""A rehearsal on a Neon branch: Neon's calls go to Prism, the branch's database is a real one."""

import pytest

from cathouse.database import DatabaseUrl
from cathouse.schema import HEAD_REVISION
from cathouse.upkeep.migrations import downgrade
from cathouse.upkeep.revisions import revision_of
from tests.fixtures.commands import Command
from tests.fixtures.history import BELOW_HEAD, History
from tests.neon.service import NeonService

ELSEWHERE = "postgresql://owner:hush@ep-cool-cat-123.eu-central-1.aws.neon.tech/cathouse"


@pytest.fixture
def on_neon(
    command: Command,
    environment: None,
    neon: NeonService,
    history: History,
    clean_db: DatabaseUrl,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Commands whose database is on Neon; every branch of it is ``clean_db``."""
    neon.account.uri = lambda _branch: clean_db.for_libpq()
    monkeypatch.setenv("MIGRATION_DATABASE_URL", ELSEWHERE)
    monkeypatch.chdir(history.folder)
    return command


def test_a_database_on_neon_is_rehearsed_on_a_branch_that_is_gone_afterwards(
    on_neon: Command, neon: NeonService, clean_db: DatabaseUrl
) -> None:
    downgrade(clean_db, "-1")
    rehearsed = on_neon("db", "rehearse")
    assert rehearsed.status == 0, rehearsed.err
    assert (
        f"{BELOW_HEAD} → {HEAD_REVISION} went well; cathouse db promote does it to owner@ep-cool-cat-123"
        in rehearsed.out
    )
    assert neon.count("POST", "/projects/[^/]+/branches") == 1
    assert neon.count("DELETE", "/projects/[^/]+/branches/[^/]+") == 1
    assert "hush" not in rehearsed.out + rehearsed.err


def test_a_branch_of_a_rehearsal_that_fails_is_gone_as_well(
    on_neon: Command, neon: NeonService, history: History, clean_db: DatabaseUrl
) -> None:
    history.add('op.execute("CREATE GARBAGE")')
    rehearsed = on_neon("db", "rehearse")
    assert rehearsed.status == 2
    assert "on the copy the upgrade fails" in rehearsed.err
    assert neon.count("DELETE", "/projects/[^/]+/branches/[^/]+") == 1
    assert revision_of(clean_db) == HEAD_REVISION


def test_two_branches_are_compared(on_neon: Command) -> None:
    same = on_neon("db", "diff", "development", "staging")
    assert (same.status, same.out) == (0, "no difference\n")
    unknown = on_neon("db", "diff", "development", "nowhere")
    assert unknown.status == 2
    assert "nowhere" in unknown.err
