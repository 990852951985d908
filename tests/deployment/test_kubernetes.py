"""deploy/kubernetes holds what a cluster, the services and the house's rules want, as far as it can be seen offline."""

import os
import subprocess
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from cathouse.configuration import load
from cathouse.database import MigrationSettings
from cathouse.database.budget import parse_shares
from cathouse.identity.keys import USED_BY, KeyUse, derive, parse_roots
from cathouse.web import PORTS, SERVICES, ServiceName, ServiceSettings
from proxy_service.egress import addresses
from tests.deployment.commands import check_command
from tests.deployment.manifests import (
    KUBERNETES,
    ROOT,
    TOOLS,
    Address,
    Manifest,
    Manifests,
    Namespace,
    Workload,
    build,
    build_with_components,
    containers,
    only,
    pod_labels,
    pod_of,
    selects,
)
from tests.fixtures.tools import missing

SCHEMAS = "1.37"
SECRETS = "/run/secrets/cathouse"
CLOSING_S = 5
"""Seconds that a service has beyond SHUTDOWN_TIMEOUT to tell what it has to tell and to close its connections."""

LONGEST_ANSWER_S = 25
"""What a release may declare."""

SOMEBODY = "93.184.216.34"
NOBODYS = ("10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "127.0.0.1")
TRIED_PORTS = (22, 25, 80, 443, 465, 587, 5432, 6379, 8001)
WORKLOADS = tuple(f"{service}-service" for service in SERVICES)

VARIANTS = ("base", "pooled", "components")


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


def service_of(workload: str) -> ServiceName:
    return next(service for service in SERVICES if workload == f"{service}-service")


def settings_class(service: ServiceName) -> type[ServiceSettings]:
    return next(
        each
        for each in vars(import_module(f"{service}_service.settings")).values()
        if isinstance(each, type) and issubclass(each, ServiceSettings) and each is not ServiceSettings
    )


SettingsOf = Callable[[Manifests, str], ServiceSettings]


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


def secret(name: str, manifests: Manifests) -> str:
    pooled = manifests.given("auth-service")["DATABASE_POOLER"] == "transaction"
    return {
        "DATABASE_URL": f"postgresql://user:word@ep-cool{'-pooler' if pooled else ''}.eu.neon.example/cathouse",
        "JWT_SECRET": "j" * 32,
        "METRICS_TOKEN": "m" * 32,
        "MAIL_URL": "smtp://user:word@mail.example:587",
        "EMBEDDINGS_API_KEY": "e" * 32,
        "REDIS_URL": "redis://:word@redis.example:6379/0",
    }.get(name) or derive(parse_roots("r" * 32), KeyUse(name.lower())).text()


def files(manifests: Manifests, workload: str) -> set[str]:
    return {name for name in manifests.given(workload) if name.endswith("_FILE")}


def test_it_is_what_the_kubernetes_schemas_want(builds: dict[str, Manifests], tmp_path: Path) -> None:
    program = TOOLS / "python" / "bin" / "kubernetes-validate"
    if not program.is_file():
        missing("kubernetes-validate is not installed (make test-tools)")
    objects = {yaml.safe_dump(each) for manifests in builds.values() for each in manifests.all}
    path = tmp_path / "objects.yaml"
    path.write_text("---\n".join(objects), encoding="utf-8")
    done = subprocess.run(
        (program, "--strict", "-k", SCHEMAS, path), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_four_services_run_and_nothing_else(manifests: Manifests) -> None:
    assert set(manifests.workloads()) == set(WORKLOADS)
    for name in WORKLOADS:
        container = only(pod_of(manifests.workloads()[name])["containers"])
        assert container["image"].split(":")[0] == f"cathouse/{name}"
        assert container["command"] == ["python", "-m", name.replace("-", "_")]
    assert {each["metadata"].get("namespace", each["metadata"]["name"]) for each in manifests.all} == {"cathouse"}


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


def test_selectors_and_ports_meet(manifests: Manifests) -> None:
    workloads = manifests.workloads()
    for name, workload in workloads.items():
        assert selects(workload["spec"]["selector"], pod_labels(workload))
        container = only(pod_of(workload)["containers"])
        port = only(container["ports"])
        assert port == {"name": "http", "containerPort": PORTS[service_of(name)]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] == "http"
        annotations = workload["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(port["containerPort"])
        for constraint in pod_of(workload)["topologySpreadConstraints"]:
            assert chosen(manifests, constraint["labelSelector"]) == [name]
        budget = manifests.kind("PodDisruptionBudget")[name]
        assert chosen(manifests, budget["spec"]["selector"]) == [name]
        service = manifests.kind("Service")[name]
        assert chosen(manifests, {"matchLabels": service["spec"]["selector"]}) == [name]
        assert [(each["port"], each["targetPort"]) for each in service["spec"]["ports"]] == [
            (port["containerPort"], "http")
        ]
    assert len(manifests.kind("Service")) == len(manifests.kind("PodDisruptionBudget")) == len(workloads)
    for policy in manifests.kind("NetworkPolicy").values():
        assert chosen(manifests, policy["spec"]["podSelector"])


def chosen(manifests: Manifests, selector: Manifest) -> list[str]:
    return [name for name, workload in manifests.workloads().items() if selects(selector, pod_labels(workload))]


def calls() -> set[tuple[str, str]]:
    """Who calls whom: with a key of its own, and for auth-service's public keys."""
    keyed = [use.value.split("_to_") for use in KeyUse if "_to_" in use]
    asked = {(caller.removeprefix("key_"), callee) for caller, callee in keyed}
    return asked | {(service, "auth") for service in SERVICES if service != "auth"}


def test_the_services_find_one_another(manifests: Manifests) -> None:
    for workload in WORKLOADS:
        given = manifests.given(workload)
        callees = [callee for caller, callee in calls() if caller == service_of(workload)]
        for callee in callees:
            url = urlsplit(given[f"{callee.upper()}_URL"])
            port = only(manifests.kind("Service")[url.hostname or ""]["spec"]["ports"])["port"]
            assert (url.scheme, url.hostname, url.port) == ("http", f"{callee}-service", port)


@pytest.mark.parametrize("callee", SERVICES)
@pytest.mark.parametrize("caller", SERVICES)
def test_services_reach_one_another_where_they_call_and_nowhere_else(
    caller: str, callee: ServiceName, manifests: Manifests
) -> None:
    if caller == callee:
        return
    here, there, port = f"{caller}-service", f"{callee}-service", PORTS[callee]
    expected = (caller, callee) in calls()
    assert manifests.may_reach(here, Workload(there), port) is expected
    assert manifests.may_be_reached(there, Workload(here), port) is expected
    assert not manifests.may_reach(here, Workload(there), 9000)


def test_only_labelled_namespaces_come_in(manifests: Manifests) -> None:
    for workload in WORKLOADS:
        port = PORTS[service_of(workload)]
        assert manifests.may_be_reached(workload, Namespace({"cathouse/ingress": "true"}), port)
        assert manifests.may_be_reached(workload, Namespace({"cathouse/metrics": "true"}), port)
        assert not manifests.may_be_reached(workload, Namespace({"kubernetes.io/metadata.name": "default"}), port)


def reached(manifests: Manifests, workload: str, address: str) -> set[int]:
    return {port for port in TRIED_PORTS if manifests.may_reach(workload, Address(address), port)}


@pytest.mark.parametrize(("label", "port"), [("cathouse/collector", 4318), ("cathouse/redis", 6379)])
def test_the_collector_and_redis_are_reached_where_they_are_used(
    label: str, port: int, builds: dict[str, Manifests]
) -> None:
    there = Namespace({label: "true"})
    for workload in WORKLOADS:
        given = builds["components"].given(workload)
        assert urlsplit(given["OTEL_EXPORTER_OTLP_ENDPOINT"]).port == 4318
        assert builds["components"].may_reach(workload, there, port)
        assert not builds["base"].may_reach(workload, there, port)


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_proxy_service_has_a_way_out_to_the_world(variant: str, builds: dict[str, Manifests]) -> None:
    more: dict[str, Iterable[int]] = {"proxy-service": (443,)}
    if variant == "components":
        more |= {"auth-service": (443, 465, 587), "catalog-service": (443,)}
    for workload in WORKLOADS:
        expected = {5432, *more.get(workload, ())}
        assert reached(builds[variant], workload, SOMEBODY) == expected
        assert reached(builds[variant], workload, "2606:2800:220:1:248:1893:25c8:1946") == expected


def test_nobody_reaches_private_addresses_but_a_database(manifests: Manifests) -> None:
    for workload in WORKLOADS:
        for address in NOBODYS:
            assert reached(manifests, workload, address) <= {5432}
        assert not reached(manifests, workload, "169.254.169.254")
        assert reached(manifests, workload, "fd00::1") <= {5432}


def test_what_the_door_refuses_is_refused_by_the_policy(manifests: Manifests) -> None:
    ends = [str(address) for network in addresses._FORBIDDEN_V4 for address in (network[0], network[-1])]
    ends += [str(address) for network in addresses._FORBIDDEN_V6 for address in (network[0], network[-1])]
    for address in (*ends, "::1", "fe80::1", "64:ff9b::a00:1", "ff02::1"):
        assert not manifests.may_reach("proxy-service", Address(address), 443), address


def test_the_migration_falls_under_the_policies(builds: dict[str, Manifests]) -> None:
    both = Manifests(f"{builds['base'].text}---\n{builds['migrate'].text}")
    assert reached(both, "migrate", SOMEBODY) == {5432}
    assert not any(both.may_reach("migrate", Workload(each), PORTS[service_of(each)]) for each in WORKLOADS)
    assert not any(both.may_be_reached("migrate", Namespace({"cathouse/ingress": "true"}), port) for port in (80, 8001))


@pytest.mark.parametrize("variant", [*VARIANTS, "migrate"])
def test_every_container_is_hardened(variant: str, builds: dict[str, Manifests]) -> None:
    found = list(containers(builds[variant]))
    assert found
    for name, container, pod in found:
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name  # AUTH_PORT and its like are settings of ours
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"}, name
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert {each["mountPath"] for each in container["volumeMounts"]} == {SECRETS, "/tmp"}, name  # noqa: S108
        assert only([each for each in pod["volumes"] if "emptyDir" in each])["emptyDir"]["sizeLimit"], name
        for kind in ("requests", "limits"):
            assert container["resources"][kind].keys() == {"cpu", "memory"}, name
        assert container["image"].rpartition(":")[2] not in ("", "latest", container["image"]), name


def test_who_asks_whether_a_service_lives_wakes_no_database(manifests: Manifests) -> None:
    for name, container, _ in containers(manifests):
        assert container["livenessProbe"]["httpGet"]["path"] == "/health", name
        assert container["startupProbe"]["httpGet"]["path"] == "/health", name
        assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready", name
        starting = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
        assert starting > 30, "in production a service tries its database for 30 s"


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_pod_is_given_the_time_that_its_service_takes_to_end(
    workload: str, manifests: Manifests, settings_of: SettingsOf
) -> None:
    pod = pod_of(manifests.workloads()[workload])
    told = only(pod["containers"])["lifecycle"]["preStop"]["sleep"]["seconds"]
    draining = settings_of(manifests, workload).shutdown_timeout
    assert pod["terminationGracePeriodSeconds"] >= told + draining + CLOSING_S
    if workload == "proxy-service":
        assert draining > LONGEST_ANSWER_S


def test_nine_connections_are_enough_also_while_rolling_out(manifests: Manifests, settings_of: SettingsOf) -> None:
    pooled = []
    together = 0
    ending = 0
    for workload in WORKLOADS:
        spec = manifests.workloads()[workload]["spec"]
        settings = settings_of(manifests, workload)
        assert settings.replicas == spec["replicas"], workload
        share = settings.share(service_of(workload)).total
        together += share * (spec["replicas"] + spec["strategy"]["rollingUpdate"]["maxSurge"])
        ending = max(ending, share)
        pooled.append(settings.pooler(settings.url()) != "none")
        assert spec["replicas"] > manifests.kind("PodDisruptionBudget")[workload]["spec"]["maxUnavailable"]
        assert parse_shares(settings.db_shares) == parse_shares(manifests.given("auth-service")["DB_SHARES"])
    if not any(pooled):
        assert together + ending <= 9, "and one that still ends while its successor starts"
    else:
        assert all(pooled)
