"""A variable that one service alone reads reaches it however that is run: in a container, by `make up`, by hand."""

import re
from pathlib import Path

import pytest
import yaml

from cathouse.database import DatabaseUrl
from cathouse.local.settings import _PASSED_ON, StackSettings, service_environment
from cathouse.web import SERVICES, ServiceName, ServiceSettings
from tests.deployment.manifests import ROOT
from tests.deployment.workloads import settings_class

FOR_OTHER_MACHINES = {"PUBLIC_INSTALLATION_URL", "PUBLIC_PROXY_URL"}
"""Where cats elsewhere call back: what `make up` runs has its cats on this machine."""

DEFAULTS_DO = {"CATALOG_URL", "INSTALLATION_URL"}
"""auth-service's way to the others, whose defaults are right on one machine."""

URL = DatabaseUrl.parse("postgresql://me:hush@127.0.0.1/cats")


def own_variables(service: ServiceName) -> set[str]:
    return {name.upper() for name in settings_class(service).model_fields.keys() - ServiceSettings.model_fields.keys()}


@pytest.mark.parametrize("service", SERVICES)
def test_compose_hands_it_on(service: ServiceName) -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    forgotten = own_variables(service) - composed[f"{service}-service"]["environment"].keys()
    assert not forgotten, f"in docker-compose.yml {service}-service does not get them, whatever .env says"


def test_compose_hands_on_to_all_what_make_up_does() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["x-environment"]
    forgotten = {name.upper() for name in _PASSED_ON} - composed.keys()
    assert not forgotten, "in docker-compose.yml no service gets them, whatever .env says"


@pytest.mark.parametrize("service", SERVICES)
def test_make_up_hands_it_on(service: ServiceName, monkeypatch: pytest.MonkeyPatch) -> None:
    def given() -> dict[str, str]:
        settings = StackSettings(_env_file=None)
        return service_environment(
            service, settings, URL, jwt_secret="jwt", platform_secret="root", mails=Path(".cathouse/mails")
        )

    chosen = own_variables(service) - given().keys() - FOR_OTHER_MACHINES
    for name in chosen:
        monkeypatch.setenv(name, "chosen")
    reached = {name for name, value in given().items() if value == "chosen"}
    dropped = chosen - reached
    assert not dropped, "cathouse.local.settings: `make up` drops them"


@pytest.mark.parametrize("service", SERVICES)
def test_the_services_own_example_has_it(service: ServiceName) -> None:
    example = (ROOT / f"{service}-service" / ".env.example").read_text(encoding="utf-8")
    forgotten = own_variables(service) - set(re.findall(r"^([A-Z][A-Z0-9_]*)=", example, re.MULTILINE)) - DEFAULTS_DO
    assert not forgotten, f"{service}-service/.env.example lacks them"
