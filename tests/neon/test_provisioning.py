"""The project as Cat House wants it: made where it is missing, left alone where it is there."""

import pytest

from cathouse.neon import NeonClient, NeonError, Provisioned, provision
from tests.neon.service import Fault, NeonService

ANYTHING = "/.*"


def names(neon: NeonService) -> list[str]:
    return sorted(str(branch["name"]) for branch in neon.account.branches.values())


def test_an_empty_account_gets_everything(neon: NeonService, client: NeonClient) -> None:
    neon.account.statuses = ["running", "finished"]
    told: list[str] = []
    there = provision(client, region="aws-eu-central-1", pg_version=17, say=told.append)
    assert there.project.name == "cat-house"
    assert names(neon) == ["development", "main", "staging"]
    main = there.branches["main"]
    assert main.default
    assert {there.branches[name].parent_id for name in ("staging", "development")} == {main.id}
    for branch in there.branches.values():
        assert [each.name for each in client.databases(there.project.id, branch.id)] == ["cathouse"]
        assert len(client.computes(there.project.id, branch_id=branch.id)) == 1
    assert all(branch.expires_at is None for branch in client.branches(there.project.id))
    assert told == [f"made {what}" for what in there.made]
    (made,) = [call.body["project"] for call in neon.calls if (call.method, call.path) == ("POST", "/projects")]
    assert (made["region_id"], made["pg_version"]) == ("aws-eu-central-1", 17)


def test_what_is_there_stays(neon: NeonService, client: NeonClient, cat_house: Provisioned) -> None:
    before = neon.count("POST", ANYTHING)
    again = provision(client)
    assert (again.project, again.branches, again.made) == (cat_house.project, cat_house.branches, ())
    assert neon.count("POST", ANYTHING) == before
    assert neon.count("DELETE", ANYTHING) == 0


def test_what_was_interrupted_is_completed(neon: NeonService, client: NeonClient) -> None:
    neon.faults.append(Fault("POST", "/projects/[^/]+/branches", 402))
    with pytest.raises(NeonError, match="plan's limit"):
        provision(client)
    assert names(neon) == ["main"]
    there = provision(client)
    assert there.made == ("branch staging", "branch development")
    assert neon.count("POST", "/projects") == 1


def test_a_branch_without_compute_or_database_gets_them(neon: NeonService, client: NeonClient) -> None:
    project = client.create_project("elsewhere", database="other").project
    staging = client.create_branch(project.id, "staging", compute=False).branch
    there = provision(client, project_id=project.id)
    assert there.made == (
        "database cathouse in branch main",
        "compute of branch staging",
        "database cathouse in branch staging",
        "branch development",
    )
    databases = client.databases(project.id, staging.id)
    assert [(each.name, each.owner_name) for each in databases] == [
        ("other", "other_owner"),
        ("cathouse", "cathouse_owner"),
    ]


def test_two_projects_of_the_name_are_not_chosen_from(client: NeonClient) -> None:
    ids = [client.create_project("cat-house", database="cathouse").project.id for _each in range(2)]
    client.create_project("cat-house-of-others", database="cathouse")
    with pytest.raises(NeonError, match=f"2 projects called cat-house .{ids[0]}, {ids[1]}.: set NEON_PROJECT_ID"):
        provision(client)


def test_another_default_branch_is_not_renamed(neon: NeonService, client: NeonClient) -> None:
    project = client.create_project("cat-house", database="cathouse", branch="production").project
    with pytest.raises(NeonError, match=r"default branch .* is production, not main: rename it"):
        provision(client)
    assert names(neon) == ["production"]
    assert client.project(project.id).name == "cat-house"
