"""What GitHub is told to run: valid, of what is here, with no more rights than it needs."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.commands import check_command, make_targets
from tests.deployment.manifests import ROOT, TOOLS
from tests.fixtures.tools import missing

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LINTER = TOOLS / "actionlint" / "node_modules" / "@tktco" / "node-actionlint" / "bin" / "node-actionlint.js"
COMMIT = re.compile(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}")

Job = dict[str, Any]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: str(path.stem))
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    path: Path = request.param
    read: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - `on` stays a word
    return read


def test_actionlint_finds_nothing() -> None:
    node = shutil.which("node")
    if node is None or not LINTER.is_file():
        missing("actionlint or node is not installed (make test-tools)")
    done = subprocess.run(
        (node, LINTER, ".github/workflows/*.yml"), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert f"Checking {len(WORKFLOWS)} workflow file(s)" in done.stdout


def test_it_may_read_the_code_and_nothing_else(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"]
        for step in job["steps"]:
            if "uses" in step:
                assert COMMIT.fullmatch(step["uses"]), "an action is named by its commit: a tag can be moved"
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false"


def test_no_fork_gets_a_secret(workflow: dict[str, Any]) -> None:
    assert "pull_request_target" not in workflow["on"]
    assert "workflow_run" not in workflow["on"]
    for name, job in workflow["jobs"].items():
        if "secrets." in yaml.safe_dump(job):
            own = "github.event.pull_request.head.repo.full_name == github.repository"
            assert own in job["if"] or "github.event_name == 'push'" in job["if"], name
        assert "secrets." not in yaml.safe_dump(job.get("env", {})), "a secret is given to the steps that need it"


def test_no_script_has_a_strangers_words_in_it(workflow: dict[str, Any]) -> None:
    scripts = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script], "given by env: the shell would read it as code"


def test_a_newer_push_takes_the_place_of_an_older_one_but_not_while_a_database_changes(
    workflow: dict[str, Any],
) -> None:
    assert "github.ref" in workflow["concurrency"]["group"]
    assert "pull_request" in workflow["concurrency"]["cancel-in-progress"]
    for name, job in workflow["jobs"].items():
        if "db promote" in yaml.safe_dump(job):
            assert job["concurrency"]["cancel-in-progress"] == "false", name
            assert job["environment"] == "production", name


def test_a_branch_that_is_made_is_deleted_whatever_happens(workflow: dict[str, Any]) -> None:
    for name, job in workflow["jobs"].items():
        text = yaml.safe_dump(job)
        assert ("neon branch create" in text) == ("neon branch delete" in text), name
        if "neon branch create" in text:
            last = job["steps"][-1]
            assert "neon branch delete" in last["run"], name
            assert last["if"].startswith("always()"), name
            assert "--hours" in text, "Neon removes it where even that step is not reached"


def test_what_is_run_is_there(workflow: dict[str, Any]) -> None:
    found = 0
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            for program, *words in calls(step.get("run", "")):
                found += 1
                if program == "make":
                    assert {word for word in words if "=" not in word} <= make_targets()
                elif program.endswith("cathouse"):
                    check_command(*words)
                else:
                    assert (ROOT / program).stat().st_mode & 0o100, program
    assert found > 10


def calls(script: str) -> list[list[str]]:
    """The calls of programs of ours: make, cathouse and .ci/run."""
    found = re.findall(
        r"(?:(?<=\$\()|^\s*|&& )((?:make|\.venv/bin/cathouse|\.ci/\S+)(?: [^\n|)]*)?)", script, re.MULTILINE
    )
    written = len(re.findall(r"\bmake |bin/cathouse |\.ci/run", script))
    assert len(found) == written, script
    return [shlex.split(each) for each in found]


def test_the_tests_run_are_there(workflow: dict[str, Any]) -> None:
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            for arguments in re.findall(r'ARGS="([^"]*)"', step.get("run", "")):
                assert all((ROOT / each).exists() for each in arguments.split())
