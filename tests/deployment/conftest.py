"""deploy/kubernetes, built in its variants."""

import os
from pathlib import Path

import pytest

from cathouse.configuration import load
from cathouse.web import ServiceSettings
from tests.deployment.manifests import KUBERNETES, Manifests, build, build_with_components
from tests.deployment.workloads import VARIANTS, SettingsOf, secret, service_of, settings_class


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Manifests]:
    return {
        "base": build(KUBERNETES / "base"),
        "pooled": build(KUBERNETES / "overlays" / "pooled"),
        "components": build_with_components(tmp_path_factory.mktemp("components").resolve()),
        "migrate": build(KUBERNETES / "migrate"),
    }


@pytest.fixture(params=VARIANTS)
def manifests(request: pytest.FixtureRequest, builds: dict[str, Manifests]) -> Manifests:
    return builds[request.param]


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SettingsOf:
    """What a service makes of its environment, read by its own settings, from files like those of its Secret."""

    def read(manifests: Manifests, workload: str) -> ServiceSettings:
        for name in os.environ:
            if name not in ("PATH", "HOME"):
                monkeypatch.delenv(name)
        monkeypatch.chdir(tmp_path)
        for name, value in manifests.given(workload).items():
            given = value
            if name.endswith("_FILE"):
                path = tmp_path / Path(value).name
                path.write_text(f"{secret(path.name, manifests)}\n")
                given = str(path)
            monkeypatch.setenv(name, given)
        return load(settings_class(service_of(workload)))

    return read
