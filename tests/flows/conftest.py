"""What whole journeys share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cathouse.local.state import LocalState
from tests.flows.stacks import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A folder for the stack's state, without a .env; the code and the migrations are this checkout's."""
    (tmp_path / "auth-service").mkdir()
    for name in ("alembic.ini", "alembic"):
        (tmp_path / "auth-service" / name).symlink_to(ROOT / "auth-service" / name)
    yield tmp_path
    shutil.rmtree(LocalState(tmp_path).postgres, ignore_errors=True)
