"""What ``kubectl kustomize`` makes of deploy/kubernetes, and how a cluster would read it."""

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.fixtures.tools import missing

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
TOOLS = ROOT / ".cathouse-tools"

Manifest = dict[str, Any]


def build(folder: Path) -> "Manifests":
    """All objects of a folder with a kustomization.yaml; the test is skipped where no kustomize of today is."""
    own = TOOLS / "kubectl" / "kubectl"
    program = str(own) if own.is_file() else shutil.which("kubectl")
    if program is None:
        missing("kubectl is not installed (make test-tools)")
    done = subprocess.run((program, "kustomize", str(folder)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Manifests(done.stdout)


def build_with_components(folder: Path) -> "Manifests":
    """The base and every component; ``folder`` is where their kustomization.yaml is written to."""

    def path(*parts: str) -> str:
        return os.path.relpath(KUBERNETES.joinpath(*parts), folder)

    components = sorted(each.name for each in (KUBERNETES / "components").iterdir())
    kustomization = {"resources": [path("base")], "components": [path("components", name) for name in components]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return build(folder)


class Manifests:
    """The objects of one build."""

    def __init__(self, text: str) -> None:
        """``text`` is as kustomize writes it."""
        self.text = text
        self.all: list[Manifest] = list(yaml.safe_load_all(text))

    def kind(self, *kinds: str) -> dict[str, Manifest]:
        """The objects of some kinds by their name."""
        return {each["metadata"]["name"]: each for each in self.all if each["kind"] in kinds}

    def workloads(self) -> dict[str, Manifest]:
        """What makes pods."""
        return self.kind("Deployment", "Job", "StatefulSet", "DaemonSet", "CronJob")

    def given(self, workload: str) -> dict[str, str]:
        """The environment of a workload's container, as far as it is written down here."""
        container = only(pod_of(self.workloads()[workload])["containers"])
        maps = self.kind("ConfigMap")
        environment: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            environment |= maps[source["configMapRef"]["name"]]["data"]
        return environment | {each["name"]: each["value"] for each in container.get("env", ())}

    def may_reach(self, workload: str, peer: "Peer", port: int) -> bool:
        """Whether the policies let the pods of ``workload`` connect, looked at from their side."""
        return self._allows("egress", "to", workload, peer, port, peer.name if isinstance(peer, Workload) else None)

    def may_be_reached(self, workload: str, peer: "Workload | Namespace", port: int) -> bool:
        """Whether the policies let ``peer`` in at ``workload``, looked at from its side."""
        return self._allows("ingress", "from", workload, peer, port, workload)

    def _allows(self, way: str, peers: str, workload: str, peer: "Peer", port: int, listener: str | None) -> bool:
        labels = pod_labels(self.workloads()[workload])
        policies = [each["spec"] for each in self.kind("NetworkPolicy").values()]
        applying = [
            each for each in policies if way.title() in each["policyTypes"] and selects(each["podSelector"], labels)
        ]
        return not applying or any(
            self._port_fits(rule, port, listener) and any(self._is(each, peer) for each in rule.get(peers, [{}]))
            for policy in applying
            for rule in policy.get(way, ())
        )

    def _port_fits(self, rule: Manifest, port: int, listener: str | None) -> bool:
        named = {}
        if listener is not None:
            container = only(pod_of(self.workloads()[listener])["containers"])
            named = {each["name"]: each["containerPort"] for each in container.get("ports", ())}
        ports = [each["port"] for each in rule.get("ports", ()) if each["protocol"] == "TCP"]
        return "ports" not in rule or port in [named.get(each, each) for each in ports]

    def _is(self, entry: Manifest, peer: "Peer") -> bool:
        match peer:
            case Workload(name):
                is_here = "ipBlock" not in entry and "namespaceSelector" not in entry
                return is_here and selects(entry["podSelector"], pod_labels(self.workloads()[name]))
            case Namespace(labels):
                return "namespaceSelector" in entry and selects(entry["namespaceSelector"], labels)
            case Address(address):
                block = entry.get("ipBlock")
                return block is not None and _within(address, block)


@dataclass(frozen=True)
class Workload:
    """A peer: the pods of a workload."""

    name: str


@dataclass(frozen=True)
class Namespace:
    """A peer: any pod of another namespace with these labels."""

    labels: Mapping[str, str]


@dataclass(frozen=True)
class Address:
    """A peer: whatever has this address."""

    address: str


Peer = Workload | Namespace | Address


def _within(address: str, block: Manifest) -> bool:
    found = ipaddress.ip_address(address)
    return found in ipaddress.ip_network(block["cidr"]) and not any(
        found in ipaddress.ip_network(each) for each in block.get("except", ())
    )


def selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether a label selector fits; only what is used here is known."""
    assert not selector.keys() - {"matchLabels", "matchExpressions"}
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def pod_of(workload: Manifest) -> Manifest:
    """The pods' specification."""
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def pod_labels(workload: Manifest) -> dict[str, str]:
    """The pods' labels."""
    labels: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return labels


def containers(manifests: Manifests) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Every container with its name and its pod's specification, those that only prepare included."""
    for name, workload in manifests.workloads().items():
        pod = pod_of(workload)
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            yield f"{name}/{container['name']}", container, pod


def only(items: list[Manifest]) -> Manifest:
    """The one thing in a list."""
    assert len(items) == 1
    return items[0]
