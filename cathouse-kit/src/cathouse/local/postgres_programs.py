"""The programs of the embedded Postgres, and who runs them: root may not, so for root a user of its own does."""

import getpass
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cathouse.upkeep.programs import embedded_package

_SYSTEM_USER = "cathouse-postgres"
_ROOT_HOME = Path("/var/lib/cathouse")


class PostgresError(Exception):
    """The embedded Postgres cannot be used; the message says why and what to do, in one line."""


def postgres_folder(parent: Path, name: str) -> Path:
    """Where an embedded Postgres may live: below ``parent``, or for root, as ``name``, below /var/lib.

    Root cannot run Postgres, and the user who does it instead may not be able to reach ``parent``.
    """
    return _ROOT_HOME / name if os.geteuid() == 0 else parent / "postgres"


def own_system_user() -> str:
    """The user that runs Postgres for root, made when it is not there.

    Raises:
        PostgresError: when it cannot be made.
    """
    import pwd  # noqa: PLC0415 - not on Windows

    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        command = (
            "useradd",
            "--system",
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            "--user-group",
            _SYSTEM_USER,
        )
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed arguments
        except (OSError, subprocess.CalledProcessError) as error:
            raise PostgresError(
                f"{getpass.getuser()} cannot run Postgres and the user {_SYSTEM_USER} could not be made ({error});"
                " run this as another user, or set DATABASE_URL"
            ) from None
    return _SYSTEM_USER


def usable_programs(system_user: str | None) -> Path:
    """The folder of Postgres's programs, copied for ``system_user`` when it may not enter the environment's folder.

    Raises:
        PostgresError: when the extra ``local`` is not installed.
    """
    installation = _installation()
    programs = installation / "bin"
    if system_user is None or _others_may_enter(programs):
        return programs
    copy = _ROOT_HOME / f"programs-{programs.stat().st_mtime_ns}"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=copy.parent))
        shutil.copytree(installation, unfinished, dirs_exist_ok=True)
        unfinished.chmod(0o755)
        try:
            unfinished.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(unfinished)
    return copy / "bin"


def _others_may_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.resolve().parents))


def _installation() -> Path:
    package = embedded_package()
    if package is None:
        raise PostgresError("the extra `local` is not installed: pip install './cathouse-kit[local]'")
    return package / "pginstall18"
