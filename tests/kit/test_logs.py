"""No secret reaches a log: neither in development nor in production."""

import subprocess
import sys

import pytest

FAILING = """
import structlog
from cathouse.configuration import EnvironmentSettings
from cathouse.web.logs import configure_logs

configure_logs(EnvironmentSettings(environment={environment!r}), "auth")

def log_in(password):
    raise RuntimeError("something unexpected")

try:
    log_in("a-canary-in-a-local-variable")
except RuntimeError:
    structlog.get_logger("test").exception("request.unexpected_error")
"""


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_traceback_does_not_show_local_variables(environment: str) -> None:
    logged = subprocess.run(
        [sys.executable, "-c", FAILING.replace("{environment!r}", repr(environment))],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stderr
    assert "something unexpected" in logged
    assert "log_in" in logged
    assert logged.count("a-canary-in-a-local-variable") == logged.count('log_in("a-canary-in-a-local-variable")')
