"""What is tried again, what is waited for, and what is said when that ends."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from cathouse.neon import NeonClient, NeonError, NeonUnansweredError, Provisioned
from cathouse.neon.transport import _retry_after
from tests.fixtures.serving import listen, port_of
from tests.neon.conftest import make_client
from tests.neon.service import KEY, Fault, NeonService

BRANCHES = "/projects/[^/]+/branches"
BRANCH = BRANCHES + "/[^/]+"
OPERATION = "/projects/[^/]+/operations/[^/]+"


@pytest.mark.parametrize("status", [423, 429, 503])
def test_what_neon_did_not_do_is_tried_again(
    neon: NeonService, client: NeonClient, cat_house: Provisioned, status: int
) -> None:
    neon.faults.append(Fault("POST", BRANCHES, status, times=3))
    before = neon.count("POST", BRANCHES)
    made = client.create_branch(cat_house.project.id, "new")
    assert neon.count("POST", BRANCHES) == before + 4
    assert [branch["id"] for branch in neon.account.named("new")] == [made.branch.id]


def test_retry_after_is_obeyed(neon: NeonService, client: NeonClient, cat_house: Provisioned) -> None:
    neon.faults.append(Fault("GET", BRANCH, 429, headers={"Retry-After": "1"}))
    begun = time.monotonic()
    client.branch(cat_house.project.id, cat_house.branches["main"].id)
    assert 1 <= time.monotonic() - begun < 8


def test_retry_after_may_be_a_date_and_nonsense_counts_as_none() -> None:
    now = datetime.now(UTC)
    assert 18 < (_retry_after(format_datetime(now + timedelta(seconds=20), usegmt=True)) or 0) <= 20
    assert _retry_after(format_datetime(now - timedelta(hours=1), usegmt=True)) == 0
    assert [_retry_after(value) for value in (None, "", "soon", "-5")] == [None] * 4


@pytest.mark.parametrize(("status", "advice"), [(423, "another operation"), (429, "too many"), (503, "not available")])
def test_patience_ends_with_the_deadline(neon: NeonService, cat_house: Provisioned, status: int, advice: str) -> None:
    neon.faults.append(Fault("GET", BRANCH, status, headers={"Retry-After": "3600"}))
    with make_client(neon.url, deadline_s=2) as client, pytest.raises(NeonError, match=advice) as refusal:
        client.branch(cat_house.project.id, "main")
    assert refusal.value.status == status
    neon.faults.append(Fault("GET", BRANCH, status, times=1000))
    begun = time.monotonic()
    with make_client(neon.url, deadline_s=0.3) as client, pytest.raises(NeonError, match=advice):
        client.branch(cat_house.project.id, "main")
    assert time.monotonic() - begun < 5


def test_a_question_without_an_answer_is_asked_again(neon: NeonService, cat_house: Provisioned) -> None:
    neon.faults += [Fault("GET", BRANCH, silence_s=0.6), Fault("GET", BRANCH)]
    before = neon.count("GET", BRANCH)
    with make_client(neon.url, timeout_s=0.3) as client:
        branch = client.branch(cat_house.project.id, cat_house.branches["staging"].id)
    assert (branch.name, neon.count("GET", BRANCH)) == ("staging", before + 3)
    neon.faults.append(Fault("GET", BRANCH, times=1000))
    with make_client(neon.url, deadline_s=0.1) as client, pytest.raises(NeonError, match=r"cannot read .* not answer"):
        client.branch(cat_house.project.id, "main")


@pytest.mark.parametrize("silence_s", [0.0, 0.6])
def test_a_creation_without_an_answer_is_not_repeated(
    neon: NeonService, cat_house: Provisioned, silence_s: float
) -> None:
    neon.faults.append(Fault("POST", BRANCHES, carried_out=True, silence_s=silence_s))
    before = neon.count("POST", BRANCHES)
    with (
        make_client(neon.url, timeout_s=0.3) as client,
        pytest.raises(NeonUnansweredError, match=r"whether it was done is unknown.*neon branch list"),
    ):
        client.create_branch(cat_house.project.id, "new")
    assert (neon.count("POST", BRANCHES), len(neon.account.named("new"))) == (before + 1, 1)


def test_a_deletion_without_an_answer_is_repeated_until_it_is_gone(
    neon: NeonService, client: NeonClient, cat_house: Provisioned
) -> None:
    neon.faults.append(Fault("DELETE", BRANCH, carried_out=True))
    assert client.delete_branch(cat_house.project.id, cat_house.branches["staging"].id) == ()
    assert neon.account.named("staging") == []
    with pytest.raises(NeonError, match="404"):
        client.delete_branch(cat_house.project.id, cat_house.branches["staging"].id)


def test_a_server_that_cannot_be_reached_is_named() -> None:
    with listen() as nobody:
        url = f"http://127.0.0.1:{port_of(nobody)}"
        with make_client(url, deadline_s=0.2) as client, pytest.raises(NeonError, match=f"{url} cannot be reached"):
            client.projects()


@pytest.mark.parametrize(
    ("status", "message", "code", "told"),
    [
        (400, "org_id is required", "", "Neon says: org_id is required (400); set NEON_ORG_ID"),
        (402, "pay first", "", "Neon says: pay first (402); the plan's limit is reached"),
        (403, "no", "", "Neon says: no (403); the API key may not do this"),
        (404, "nothing here", "", "Neon says: nothing here (404); `cathouse neon project list`"),
        (409, "branch already exists", "BRANCH_ALREADY_EXISTS", "Neon says: branch already exists (409)"),
        (422, "too many", "BRANCHES_LIMIT_EXCEEDED", "Neon says: too many (422); the plan's limit is reached"),
        (500, "two\nlines\x1b[31m", "", "Neon says: two lines [31m (500); Neon has a fault of its own"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    neon: NeonService, client: NeonClient, cat_house: Provisioned, status: int, message: str, code: str, told: str
) -> None:
    neon.faults.append(Fault("POST", BRANCHES, status, message=message, code=code))
    before = neon.count("POST", BRANCHES)
    with pytest.raises(NeonError) as refusal:
        client.create_branch(cat_house.project.id, "new")
    assert str(refusal.value).startswith(f"cannot create branch new in project {cat_house.project.id}: {told}")
    assert "\n" not in str(refusal.value)
    assert (neon.count("POST", BRANCHES), refusal.value.status) == (before + 1, status)


def test_a_wrong_key_is_told_and_never_shown(neon: NeonService) -> None:
    wrong = "napi_a-wrong-key"
    with NeonClient(url=neon.url, key=SecretStr(wrong)) as client, pytest.raises(NeonError) as refusal:
        client.projects()  # the service repeats what it was sent
    assert "authentication failed for Bearer … (401); check NEON_API_KEY" in str(refusal.value)
    for shown in (str(refusal.value), repr(refusal.value), repr(client), repr(client._transport)):
        assert wrong not in shown


def test_a_key_that_fits_no_header_is_not_shown_either(neon: NeonService) -> None:
    wrong = "napi_a-wrong\nkey"
    with NeonClient(url=neon.url, key=SecretStr(wrong), deadline_s=0.1) as client, pytest.raises(NeonError) as refusal:
        client.projects()
    assert "napi_a" not in str(refusal.value)
    assert neon.calls == []


def test_projects_that_neon_could_not_read_are_not_passed_over(neon: NeonService, client: NeonClient) -> None:
    neon.account.unavailable = ["lost-house-1"]
    client.create_project("house", database="cathouse")
    with pytest.raises(NeonError, match="lost-house-1"):
        client.projects()


def test_operations_are_waited_for(neon: NeonService, client: NeonClient, cat_house: Provisioned) -> None:
    neon.account.statuses = ["scheduling", "running", "error", "running", "finished"]
    made = client.create_branch(cat_house.project.id, "new")
    before = neon.count("GET", OPERATION)
    client.wait(made.operations)
    assert neon.count("GET", OPERATION) == before + 4


@pytest.mark.parametrize(("ending", "reason"), [("failed", r" \(no room\)"), ("cancelled", "")])
def test_an_operation_that_ends_badly_is_told(
    neon: NeonService, client: NeonClient, cat_house: Provisioned, ending: str, reason: str
) -> None:
    neon.account.statuses = ["running", ending]
    made = client.create_branch(cat_house.project.id, "new")
    with pytest.raises(
        NeonError, match=f"start_compute {made.operations[0].id} is {ending}{reason}; look at it in Neon's console"
    ):
        client.wait(made.operations)


def test_an_operation_that_never_ends_is_told(neon: NeonService, cat_house: Provisioned) -> None:
    neon.account.statuses = ["running"]
    with make_client(neon.url, deadline_s=0.3) as client, pytest.raises(NeonError, match=r"is running after 0.3 s"):
        client.wait(client.create_branch(cat_house.project.id, "new").operations)
    assert KEY not in repr(client)
