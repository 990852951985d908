"""``cathouse neon`` as an operator uses it."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cathouse.cli.root import app
from cathouse.configuration import ConfigurationError, load
from cathouse.database import DatabaseUrl
from cathouse.local.processes import plain_environment
from cathouse.neon import NeonSettings, Provisioned
from tests.neon.account import PASSWORD
from tests.neon.service import KEY, NeonService

pytestmark = pytest.mark.usefixtures("environment")


def run(*arguments: str, answers: str = "", fails: bool = False) -> str:
    """What the command prints; the key is never in it."""
    result = CliRunner().invoke(app, ["neon", *arguments], input=answers)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert (result.exit_code != 0) is fails, result.output
    assert KEY not in result.output
    return result.output


def test_projects_are_made_listed_described_and_deleted(neon: NeonService, cat_house: Provisioned) -> None:
    made = run("project", "create", "kennel", "--region", "aws-eu-central-1", "--postgres", "17")
    id_ = made.split("NEON_PROJECT_ID=")[1].strip()
    listed = run("project", "list")
    assert [id_ in listed, "kennel" in listed, cat_house.project.id in listed] == [True, True, True]
    described = run("project", "describe", id_)
    assert [word in described for word in ("kennel", id_, "main (default)", "ready")] == [True] * 4
    assert PASSWORD not in made + listed + described
    assert "Aborted" in run("project", "delete", id_, answers="n\n", fails=True)
    assert id_ in neon.account.projects
    assert "is deleted" in run("project", "delete", id_, answers="y\n")
    assert set(neon.account.projects) == {cat_house.project.id}
    run("project", "delete", cat_house.project.id, "--yes")
    assert neon.account.projects == {}
    assert run("project", "list") == "none\n"


def test_branches_are_made_listed_described_and_deleted(neon: NeonService, cat_house: Provisioned) -> None:
    neon.account.statuses = ["running", "finished"]
    made = run("branch", "create", "feature", "--parent", "development", "--hours", "2")
    (branch,) = neon.account.named("feature")
    assert branch["parent_id"] == cat_house.branches["development"].id
    assert [word in made for word in ("feature", branch["id"], "ends")] == [True] * 3
    headings, _, *lines = run("branch", "list").splitlines()
    name, parent, state = (headings.index(each) for each in ("name", "parent", "state"))
    assert [(line[name:parent].strip(), line[parent:state].strip()) for line in lines] == [
        ("development", "main"),
        ("feature", "development"),
        ("main (default)", ""),
        ("staging", "main"),
    ]
    described = run("branch", "describe", "feature")
    assert "cathouse (of cathouse_owner)" in described
    assert "read_write" in described
    question = run("branch", "delete", "feature", answers="n\n", fails=True)
    assert f"Delete branch feature ({branch['id']}) with its data, for good?" in question
    assert neon.account.named("feature")
    run("branch", "delete", branch["id"], "--yes")
    assert neon.account.named("feature") == []


def test_a_branch_is_one_line_that_steers_no_terminal(neon: NeonService, cat_house: Provisioned) -> None:
    branch = neon.account.branches[cat_house.branches["staging"].id]
    branch |= {"name": f"{'long' * 60}\x1b[2J", "logical_size": 5 * 2**20}
    (line,) = [line for line in run("branch", "list").splitlines() if branch["id"] in line]
    assert f"{'long' * 60}\\x1b[2J" in line
    assert "5 MB" in line
    assert f"{'long' * 60}\\x1b[2J\n" in run("branch", "describe", branch["id"])


def test_a_branch_is_reset_to_its_parent(neon: NeonService, cat_house: Provisioned) -> None:
    staging = cat_house.branches["staging"]
    assert "Its data is lost." in run("branch", "reset", "staging", answers="n\n", fails=True)
    assert neon.count("POST", ".*/restore") == 0
    run("branch", "reset", "staging", "--yes", "--keep-as", "before")
    (call,) = [call for call in neon.calls if call.path.endswith(f"{staging.id}/restore")]
    assert call.body == {"source_branch_id": cat_house.branches["main"].id, "preserve_under_name": "before"}
    with pytest.raises(ConfigurationError, match="branch main has no parent"):
        run("branch", "reset", "main", "--yes")


def test_computes_are_listed_by_their_branch(neon: NeonService) -> None:
    everything = run("computes")
    assert [name in everything for name in ("main", "staging", "development")] == [True] * 3
    assert all(compute["host"] in everything for compute in neon.account.computes.values())
    assert "staging" not in run("computes", "--branch", "main")


def test_urls_are_printed_as_lines_of_an_environment() -> None:
    pooled, direct = run("url").splitlines()
    urls = {name: DatabaseUrl.parse(url) for name, url in (line.split("=", 1) for line in (pooled, direct))}
    assert list(urls) == ["DATABASE_URL", "MIGRATION_DATABASE_URL"]
    assert [url.pooler for url in urls.values()] == ["transaction", "none"]
    assert {(url.user, url.password, url.name, url.ssl_mode) for url in urls.values()} == {
        ("cathouse_owner", PASSWORD, "cathouse", "verify-full")
    }
    assert run("url", "--pooled") == pooled.removeprefix("DATABASE_URL=") + "\n"
    assert run("url", "--direct") == direct.removeprefix("MIGRATION_DATABASE_URL=") + "\n"
    assert "://somebody:" in run("url", "main", "--direct", "--role", "somebody", "--database", "other")


def test_urls_are_written_into_a_file_that_keeps_its_other_lines(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_bytes(
        b"# a comment: DATABASE_URL=kept\r\nJWT_SECRET=stays\n\nexport DATABASE_URL=old\nOTHER_DATABASE_URL=stays\n"
        b"DATABASE_URL=older\nLAST=without an end"
    )
    file.chmod(0o644)
    said = run("url", "staging", "--write-env", str(file))
    pooled, direct = run("url", "staging").splitlines()
    assert said == f"{file}: DATABASE_URL and MIGRATION_DATABASE_URL lead to branch staging\n"
    assert file.read_bytes().decode().split("\n") == [
        "# a comment: DATABASE_URL=kept\r",
        "JWT_SECRET=stays",
        "",
        pooled,
        "OTHER_DATABASE_URL=stays",
        "LAST=without an end",
        direct,
        "",
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_env_file_is_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    run("url", "--direct", "--write-env", str(file))
    assert file.read_text().startswith("MIGRATION_DATABASE_URL=postgresql://")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match=r"nowhere/\.env cannot be written: no such file or directory"):
        run("url", "--write-env", str(tmp_path / "nowhere" / ".env"))


def test_provision_says_what_it_made(neon: NeonService, cat_house: Provisioned) -> None:
    neon.account.branches.pop(cat_house.branches["staging"].id)
    assert run("provision").startswith("made branch staging\n")
    again = run("provision")
    assert again.startswith("all was there already; nothing was changed\n")
    assert again.endswith(f"NEON_PROJECT_ID={cat_house.project.id}\n")


def test_a_wrong_key_is_one_line_and_not_shown(neon: NeonService, tmp_path: Path) -> None:
    wrong = "napi_a-wrong-key"
    done = subprocess.run(
        (sys.executable, "-m", "cathouse.cli", "neon", "project", "list"),
        env=plain_environment() | {"NEON_API_URL": neon.url, "NEON_API_KEY": wrong},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("cannot list the projects: Neon says: authentication failed")
    assert "check NEON_API_KEY" in done.stderr
    assert wrong not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("project", "describe", "no-such"), r"^cannot read project no-such: Neon says: no-such not found \(404\); `"),
        (("project", "delete", "no-such", "--yes"), r"^cannot read project no-such: "),
        (("branch", "describe", "x"), r"has no branch x; its branches: development, main, staging$"),
        (("branch", "delete", "x", "--yes"), r"has no branch x; "),
        (("url", "--database", "x"), r"^branch development has no database x \(NEON_DATABASE\); it has: cathouse$"),
    ],
)
def test_what_is_not_there_is_told(arguments: tuple[str, ...], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        run(*arguments)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("NEON_API_KEY", "", "NEON_API_KEY is not set"),
        ("NEON_API_KEY", "two words", "NEON_API_KEY: expected an API key without spaces"),
        ("NEON_PROJECT_ID", "", "NEON_PROJECT_ID is not set"),
        ("NEON_PROJECT_ID", "../users/me", "NEON_PROJECT_ID: "),
        ("NEON_API_URL", "http://console.neon.tech/api/v2", "NEON_API_URL: expected an https:// URL"),
    ],
)
def test_a_variable_that_is_wrong_is_named(
    neon: NeonService, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    before = len(neon.calls)
    with pytest.raises(ConfigurationError) as refusal:
        run("branch", "list")
    assert str(refusal.value).startswith(expected)
    assert value == "" or value not in str(refusal.value)
    assert len(neon.calls) == before


def test_the_settings_do_not_show_the_key() -> None:
    assert KEY not in repr(load(NeonSettings))
