"""deploy/kubernetes holds what a cluster, the services and the house's rules want, as far as it can be seen offline."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from cathouse.database.budget import parse_shares
from cathouse.web import PORTS
from tests.deployment.manifests import ROOT, TOOLS, Manifest, Manifests, containers, only, pod_labels, pod_of, selects
from tests.deployment.workloads import SECRETS, VARIANTS, WORKLOADS, SettingsOf, service_of
from tests.fixtures.tools import missing

SCHEMAS = "1.37"
CLOSING_S = 5
"""Seconds that a service has beyond SHUTDOWN_TIMEOUT to tell what it has to tell and to close its connections."""

LONGEST_ANSWER_S = 25
"""What a release may declare."""


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


def test_a_process_that_grows_is_told_of_before_the_kernel_ends_it(manifests: Manifests) -> None:
    alerts = (ROOT / "deploy" / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
    (told,) = map(float, re.findall(r"process_resident_memory_bytes\S* > (\S+)", alerts))
    for name, workload in manifests.workloads().items():
        limit = only(pod_of(workload)["containers"])["resources"]["limits"]["memory"]
        assert told < int(limit.removesuffix("Mi")) * 2**20 * 0.9, name


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
