"""A branch for the time that one is needed, and gone afterwards whatever happens."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.local.processes import plain_environment
from cathouse.neon import NeonBranches, NeonClient, NeonError, NeonUnansweredError, Provisioned
from cathouse.schema import SCHEMA
from tests.fixtures.neon import ephemeral_branch
from tests.neon.account import PASSWORD
from tests.neon.service import KEY, Fault, NeonService

ROOT = Path(__file__).parents[2]
BRANCHES = "/projects/[^/]+/branches"

RUN = """
import time
from tests.fixtures.neon import ephemeral_branch
with ephemeral_branch() as url:
    print(repr(url), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def copies(client: NeonClient, cat_house: Provisioned) -> NeonBranches:
    return make_copies(client, cat_house)


def make_copies(client: NeonClient, house: Provisioned, **changes: str) -> NeonBranches:
    wanted = {"project_id": house.project.id, "parent": "development", "database": "cathouse", **changes}
    return NeonBranches(client=client, **wanted)


def test_a_copy_is_a_child_with_a_compute_and_an_end(neon: NeonService, copies: NeonBranches) -> None:
    neon.account.statuses = ["scheduling", "running", "finished"]
    with copies.copy("rehearsal") as url:
        (branch,) = neon.account.named("rehearsal")
        (compute,) = [each for each in neon.account.computes.values() if each["branch_id"] == branch["id"]]
        assert branch["parent_id"] == neon.account.named("development")[0]["id"]
        end = datetime.fromisoformat(branch["expires_at"])
        assert timedelta(minutes=59) < end - datetime.now(UTC) <= timedelta(hours=1)
        assert (url.host, url.name, url.user) == (compute["host"], "cathouse", "cathouse_owner")
        assert (url.pooler, url.ssl_mode, url.password) == ("none", "verify-full", PASSWORD)
        assert all(not coming for _operation, coming in neon.account.operations.values())
    assert neon.account.named("rehearsal") == []
    assert neon.calls[-1].path.endswith(str(list(neon.account.operations)[-1]))
    (deletion,) = [call for call in neon.calls if call.method == "DELETE"]
    assert deletion.query == {"hard_delete": "true"}


def test_a_copys_url_leads_to_its_database(neon: NeonService, copies: NeonBranches, clean_db: DatabaseUrl) -> None:
    neon.account.uri = lambda _branch: clean_db.for_libpq()
    with copies.copy("rehearsal") as url, make_migration_engine(url).connect() as connection:
        assert connection.scalar(text(f"SELECT count(*) FROM {SCHEMA}.alembic_version")) == 1


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, NeonError])
def test_a_copy_is_removed_after_a_failure(neon: NeonService, copies: NeonBranches, kind: type[BaseException]) -> None:
    def work() -> None:
        with copies.copy("rehearsal"):
            assert neon.account.named("rehearsal")
            raise kind("a failure of the work")

    with pytest.raises(kind, match="a failure of the work"):
        work()
    assert neon.account.named("rehearsal") == []


def test_a_copy_that_does_not_get_ready_is_removed(neon: NeonService, copies: NeonBranches) -> None:
    neon.account.statuses = ["failed"]
    with pytest.raises(NeonError, match="is failed") as failure, copies.copy("rehearsal"):
        pytest.fail("it must not begin")
    assert neon.account.named("rehearsal") == []
    assert "could not be removed" in failure.value.__notes__[0]  # the deletion's own operation failed, too


def test_a_copy_whose_making_got_no_answer_is_removed_and_no_other(
    neon: NeonService, client: NeonClient, cat_house: Provisioned, copies: NeonBranches
) -> None:
    client.create_branch(cat_house.project.id, "rehearsal-of-others")
    neon.faults.append(Fault("POST", BRANCHES, carried_out=True))
    with pytest.raises(NeonUnansweredError), copies.copy("rehearsal"):
        pytest.fail("it must not begin")
    assert neon.account.named("rehearsal") == []
    assert neon.account.named("rehearsal-of-others")


def test_somebody_elses_branch_of_the_same_name_stays(
    neon: NeonService, client: NeonClient, cat_house: Provisioned, copies: NeonBranches
) -> None:
    theirs = client.create_branch(cat_house.project.id, "rehearsal").branch
    for fault in (Fault("POST", BRANCHES, 409, message="branch already exists"), Fault("POST", BRANCHES)):
        neon.faults.append(fault)
        with pytest.raises(NeonError), copies.copy("rehearsal"):
            pytest.fail("it must not begin")
        assert [branch["id"] for branch in neon.account.named("rehearsal")] == [theirs.id]


def test_a_copy_that_cannot_be_removed_is_told(neon: NeonService, copies: NeonBranches) -> None:
    fault = Fault("DELETE", BRANCHES + "/[^/]+", 403, message="protected", times=2)
    neon.faults.append(fault)
    with pytest.raises(NeonError, match=r"could not be removed.*ends by itself within the hour"), copies.copy("one"):
        pass

    def work() -> None:
        with copies.copy("two"):
            raise ValueError("the failure that matters")

    with pytest.raises(ValueError, match="the failure that matters") as failure:
        work()
    assert "branch two" in failure.value.__notes__[0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"parent": "nowhere"}, "has no branch nowhere; its branches: development, main, staging"),
        ({"database": "nothing"}, r"has no database nothing \(NEON_DATABASE\); it has: cathouse"),
    ],
)
def test_what_is_not_there_is_named(
    neon: NeonService, client: NeonClient, cat_house: Provisioned, changes: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told), make_copies(client, cat_house, **changes).copy("rehearsal"):
        pytest.fail("it must not begin")
    assert neon.account.named("rehearsal") == []


def test_the_run_of_the_tests_gets_a_branch_when_it_has_a_key(
    neon: NeonService, environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ephemeral_branch() as url:
        assert url is not None
        (name,) = [branch["name"] for branch in neon.account.branches.values() if branch["name"].startswith("test-")]
        assert url.host == next(reversed(neon.account.computes.values()))["host"]
    assert neon.account.named(name) == []
    monkeypatch.delenv("NEON_API_KEY")
    Path(".env").write_text(f"NEON_API_KEY={KEY}\n")
    before = len(neon.calls)
    with ephemeral_branch() as url:
        assert url is None
    assert len(neon.calls) == before


def test_ctrl_c_removes_the_branch_of_the_run(neon: NeonService, cat_house: Provisioned) -> None:
    variables = {"NEON_API_KEY": KEY, "NEON_PROJECT_ID": cat_house.project.id, "NEON_API_URL": neon.url}
    run = subprocess.Popen(
        (sys.executable, "-c", RUN),
        env=plain_environment() | variables,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert run.stdout is not None
        shown = run.stdout.readline()
        names = {branch["name"] for branch in neon.account.branches.values()}
        os.kill(run.pid, signal.SIGINT)
        told = run.communicate(timeout=20)[1]
    finally:
        run.kill()
        run.wait()
    assert len(names) == 4
    assert {branch["name"] for branch in neon.account.branches.values()} == {"main", "staging", "development"}
    assert "KeyboardInterrupt" in told
    assert not any(secret in shown + told for secret in (KEY, PASSWORD))
