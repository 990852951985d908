"""Who reaches whom in the cluster, and outside of it: as the services call, and nothing else."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import pytest

from cathouse.identity.keys import KeyUse
from cathouse.web import PORTS, SERVICES, ServiceName
from proxy_service.egress import addresses
from tests.deployment.manifests import Address, Manifests, Namespace, Workload, only
from tests.deployment.workloads import VARIANTS, WORKLOADS, service_of

SOMEBODY = "93.184.216.34"
NOBODYS = ("10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "127.0.0.1")
TRIED_PORTS = (22, 25, 80, 443, 465, 587, 5432, 6379, 8001)


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
