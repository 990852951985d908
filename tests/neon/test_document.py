"""What is sent and what is read is what Neon's own document says."""

from datetime import UTC, datetime, timedelta

import pytest

from cathouse.neon import Branch, Compute, NeonClient, NeonDatabase, NeonError, Operation, Project
from cathouse.neon.models import ENDED_BADLY, ENDED_WELL, Answer, Role
from tests.fixtures.prism import Prism
from tests.neon.conftest import make_client
from tests.neon.document import Document
from tests.neon.service import neon_service


def test_prism_accepts_every_call_and_its_answers_are_read(prism: Prism) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    with make_client(prism.url) as client:
        created = client.create_project(
            "cat-house", database="cathouse", region="aws-eu-central-1", pg_version=17, org_id="org-1"
        )
        client.wait(created.operations)
        assert client.projects(search="shiny", org_id="org-1")[0].name == "shiny-wind-028834"
        assert client.project("shiny-wind-028834").pg_version == 15
        assert {each.name for each in client.branches("p", search="dev")} == {"main", "dev1", "dev2"}
        assert client.branch("p", "br-aged-salad-637688").name == "main"
        assert client.find_branch("p", "dev1").id == "br-raspy-hill-832856"
        client.wait(client.create_branch("p", "x", parent_id="br-1", expires_at=soon).operations)
        client.wait(client.create_branch("p", "x", compute=False).operations)
        client.wait(client.reset_branch("p", "br-2", parent_id="br-1", keep_as="old").operations)
        client.wait(client.delete_branch("p", "br-2"))
        assert client.computes("p")[0].host.endswith(".neon.tech")
        assert client.computes("p", branch_id="br-1")
        client.wait(client.create_compute("p", "br-1"))
        assert client.databases("p", "br-1")
        client.wait(client.create_database("p", "br-1", "cathouse", owner="casey"))
        assert client.roles("p", "br-1")
        client.delete_project("p")
        with pytest.raises(NeonError, match="no URL that can be used"):  # Prism's connection string is "string"
            client.connection_url("p", branch_id="br-1", database="d", role="r", pooled=True)


def test_a_call_that_the_document_does_not_allow_is_noticed(prism: Prism) -> None:
    with neon_service(prism) as service, make_client(service.url) as client:
        wrong = {"branch": {"name": ""}, "endpoints": [{"type": "rw"}]}
        with pytest.raises(NeonError, match="422"):
            client._transport.send("POST", "/projects/p/branches", doing="try", body=wrong)
        for query, body in (({"branch": "b"}, None), ({}, {"branch": {"expires": "x"}})):
            with pytest.raises(NeonError):
                client._transport.send("POST", "/projects/p/branches", doing="try", query=query, body=body)
    assert [
        "endpoints.0.type" in service.violations[0],
        *(each.split(": ")[-1] for each in service.violations[1:]),
    ] == [
        True,
        "['branch']",
        "['branch.expires']",
    ]


@pytest.mark.parametrize(
    ("model", "schema"),
    [
        (Project, "Project"),
        (Project, "ProjectListItem"),
        (Branch, "Branch"),
        (Compute, "Endpoint"),
        (NeonDatabase, "Database"),
        (Role, "Role"),
        (Operation, "Operation"),
    ],
)
def test_what_is_read_is_what_the_document_promises(prism: Prism, model: type[Answer], schema: str) -> None:
    known, always = Document(prism.document).members(schema)
    assert set(model.model_fields) <= known
    assert {name for name, about in model.model_fields.items() if about.is_required()} <= always


def test_every_status_of_an_operation_has_a_meaning(prism: Prism) -> None:
    going_on = {"scheduling", "running", "error", "cancelling"}
    assert Document(prism.document).statuses() == going_on | ENDED_WELL | ENDED_BADLY


def test_a_list_is_read_to_its_last_page(client: NeonClient) -> None:
    for number in range(5):
        client.create_project(f"house-{number}", database="cathouse")
    projects = client.projects()
    assert [each.name for each in projects] == [f"house-{number}" for number in range(5)]
    for number in range(4):
        client.create_branch(projects[0].id, f"b{number}")
    assert [each.name for each in client.branches(projects[0].id)] == ["b0", "b1", "b2", "b3", "main"]
