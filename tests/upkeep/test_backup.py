"""A backup is a file or a pipe of ours alone; no password is seen on the way."""

import stat
import subprocess
import time
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from cathouse.database import DatabaseUrl
from tests.fixtures.commands import Command
from tests.upkeep.backups import arguments_of, contents, start


def test_the_file_is_ours_alone_and_is_not_replaced_by_accident(command: Command, dump: Path) -> None:
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert list(dump.parent.iterdir()) == [dump]
    before = dump.read_bytes()
    refused = command("db", "backup", str(dump))
    assert (refused.status, refused.err) == (2, f"{dump} is there already (--force replaces it)\n")
    assert dump.read_bytes() == before
    assert command("db", "backup", "--force", str(dump)).status == 0
    assert list(dump.parent.iterdir()) == [dump]


def test_a_folder_that_is_not_there_is_one_line(command: Command, tmp_path: Path) -> None:
    outcome = command("db", "backup", str(tmp_path / "no" / "cats.dump"))
    assert outcome.status == 2
    assert outcome.err.endswith("cats.dump cannot be written: No such file or directory\n")


def test_no_argument_shows_the_password_and_an_interrupted_backup_leaves_no_file(
    clean_db: DatabaseUrl, filled: Engine, tmp_path: Path
) -> None:
    with filled.begin() as connection:
        connection.execute(text("LOCK TABLE cathouse.users IN ACCESS EXCLUSIVE MODE"))  # pg_dump waits for it
        running = start(["backup", str(tmp_path / "cats.dump")], clean_db, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        dumping: list[psutil.Process] = []
        while not dumping and time.monotonic() < deadline:
            time.sleep(0.05)
            children = psutil.Process(running.pid).children(recursive=True)
            dumping = [each for each in children if "--format=custom" in arguments_of(each)]
        assert dumping
        shown = " ".join(arguments_of(dumping[0]))
        assert str(clean_db.password) not in shown
        assert clean_db.host not in shown
        assert len(list(tmp_path.iterdir())) == 1  # the unfinished one
        dumping[0].terminate()
        _, complaint = running.communicate(timeout=30)
    assert running.returncode == 2
    assert complaint.decode().startswith("pg_dump failed")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_goes_through_pipes_as_well(filled: Engine, clean_db: DatabaseUrl, fresh: DatabaseUrl) -> None:
    written = start(["backup", "-"], clean_db, stdout=subprocess.PIPE)
    assert written.stdout is not None
    restored = start(["restore", "-"], fresh, stdin=written.stdout.fileno(), stdout=subprocess.DEVNULL)
    written.stdout.close()
    assert (written.wait(60), restored.wait(60)) == (0, 0)
    assert contents(fresh) == contents(clean_db)
