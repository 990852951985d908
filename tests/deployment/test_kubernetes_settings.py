"""What each service is given in the cluster: the settings that it knows, and its own secrets as files."""

from pathlib import Path

import pytest

from cathouse.configuration import load
from cathouse.database import MigrationSettings
from cathouse.identity.keys import USED_BY
from tests.deployment.commands import check_command
from tests.deployment.manifests import ROOT, Manifests, only, pod_of
from tests.deployment.workloads import SECRETS, WORKLOADS, SettingsOf, service_of, settings_class


def files(manifests: Manifests, workload: str) -> set[str]:
    return {name for name in manifests.given(workload) if name.endswith("_FILE")}


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_service_knows_what_it_is_given_and_is_given_what_it_needs(
    workload: str, manifests: Manifests, settings_of: SettingsOf
) -> None:
    known = {name.upper() for name in settings_class(service_of(workload)).model_fields}
    assert {name.removesuffix("_FILE") for name in manifests.given(workload)} <= known
    settings = settings_of(manifests, workload)
    settings.check(service_of(workload))
    assert settings.is_production


@pytest.mark.parametrize("workload", WORKLOADS)
def test_secrets_are_files_of_its_own_secret_and_no_more_than_it_uses(workload: str, manifests: Manifests) -> None:
    own = {use.value.upper() for use in USED_BY[service_of(workload)]} | {"DATABASE_URL", "METRICS_TOKEN"}
    if workload == "auth-service":
        own.add("JWT_SECRET")
    given = {name.removesuffix("_FILE") for name in files(manifests, workload)}
    assert given - {"MAIL_URL", "EMBEDDINGS_API_KEY", "REDIS_URL"} == own
    environment = manifests.given(workload)
    assert all(environment[f"{name}_FILE"] == f"{SECRETS}/{name}" for name in given)
    secret_fields = {
        name.upper()
        for name, field in settings_class(service_of(workload)).model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert not secret_fields & environment.keys(), "a secret's value stands in a manifest"
    assert secrets_of(manifests, workload) == [workload]


def secrets_of(manifests: Manifests, workload: str) -> list[str]:
    pod = pod_of(manifests.workloads()[workload])
    container = only(pod["containers"])
    mounted = {each["name"] for each in container["volumeMounts"] if each["mountPath"] == SECRETS and each["readOnly"]}
    return [each["secret"]["secretName"] for each in pod["volumes"] if each["name"] in mounted and "secret" in each]


def test_no_secret_is_committed(builds: dict[str, Manifests]) -> None:
    assert not [each for manifests in builds.values() for each in manifests.kind("Secret")]


def test_the_guide_names_what_every_secret_holds(builds: dict[str, Manifests]) -> None:
    guide = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    rows = {
        cells[1].strip(" `"): {word.strip(" `") for word in cells[2].split(",")}
        for line in guide.splitlines()
        if len(cells := line.split("|")) == 4 and cells[1].strip(" `") in (*WORKLOADS, "migrate")
    }
    everything = builds["components"]
    wanted = {name: {each.removesuffix("_FILE") for each in files(everything, name)} for name in WORKLOADS}
    assert rows == {**wanted, "migrate": {"MIGRATION_DATABASE_URL"}}


def test_the_migration_is_given_the_direct_url_alone(
    builds: dict[str, Manifests], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    manifests = builds["migrate"]
    given = manifests.given("migrate")
    assert {name.removesuffix("_FILE").lower() for name in given} <= MigrationSettings.model_fields.keys()
    assert given["MIGRATION_DATABASE_URL_FILE"] == f"{SECRETS}/MIGRATION_DATABASE_URL"
    assert secrets_of(manifests, "migrate") == ["migrate"]
    path = tmp_path / "url"
    path.write_text("postgresql://owner:word@ep-cool.eu.neon.example/cathouse\n")
    monkeypatch.delenv("MIGRATION_DATABASE_URL", raising=False)
    monkeypatch.setenv("MIGRATION_DATABASE_URL_FILE", str(path))
    assert load(MigrationSettings).url().user == "owner"
    container = only(pod_of(manifests.workloads()["migrate"])["containers"])
    assert container["image"].split(":")[0] == "cathouse/auth-service"
    program, *words = container["command"]
    assert program == "cathouse"
    check_command(*words)
