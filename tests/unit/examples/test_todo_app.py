"""Users copy the example: each overlay is built by the real kustomize and must hold together as a whole."""

import re
from collections import defaultdict
from decimal import Decimal

import kubernetes_validate
import pytest
import yaml
from kubernetes.utils.quantity import parse_quantity

from app.settings import DEFAULT_KINDS
from tests.unit.examples.built import (
    APPLICATIONS,
    BRANCH,
    EXAMPLE,
    Object,
    Overlays,
    containers,
    names,
    of,
    ports,
    selected,
    template,
    workloads,
)

DATABASE = "branch-database"  # Coppice's
NOT_OF_THE_OVERLAY = {"feature": {DATABASE}, "production": {"broadcaster-secret"}}


def quantity(text: str) -> Decimal:
    return Decimal(parse_quantity(text))


def most_pods(workload: Object, objects: list[Object]) -> int:
    """How many pods it can have at once: its autoscaler at the maximum, in the middle of a rollout."""
    if workload["kind"] == "CronJob":
        assert workload["spec"]["concurrencyPolicy"] == "Forbid"
        return 1
    scalers = of(objects, "HorizontalPodAutoscaler")
    maximum = {item["spec"]["scaleTargetRef"]["name"]: item["spec"]["maxReplicas"] for item in scalers}
    replicas = maximum.get(workload["metadata"]["name"], workload["spec"].get("replicas", 1))
    if workload["kind"] == "StatefulSet":
        return int(replicas)
    return int(replicas + workload["spec"]["strategy"]["rollingUpdate"]["maxSurge"])


def test_every_overlay_has_objects_and_nothing_is_left_of_a_placeholder(overlays: Overlays) -> None:
    assert set(overlays) == {"base", "feature", "azure-feature", "staging", "production", "azure-production"}
    assert all(overlays.values())
    assert not re.search("BRANCH_NAME|COMMIT_SHA", yaml.safe_dump(overlays))


def test_placeholders_stand_only_where_they_are_replaced() -> None:
    files = [path for path in EXAMPLE.rglob("*.*") if path.suffix != ".md"]
    found = {path.parent for path in files if re.search("BRANCH_NAME|COMMIT_SHA", path.read_text())}
    assert found == {EXAMPLE / "manifests" / "overlays" / name for name in BRANCH}


def test_built_in_kinds_are_valid_kubernetes(overlays: Overlays) -> None:
    own = re.compile(r"gateway\.networking\.k8s\.io|secrets-store|azmonitoring")
    everything = [item for objects in overlays.values() for item in objects]
    for item in [item for item in everything if not own.match(item["apiVersion"])]:
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("overlay", sorted(BRANCH))
def test_a_branch_asks_for_nothing_outside_its_namespace(overlays: Overlays, overlay: str) -> None:
    for item in overlays[overlay]:
        if item["kind"] == "Namespace":
            assert item["metadata"]["name"] == "feature-new-login"
            continue
        group = item["apiVersion"].rpartition("/")[0]
        assert f"{group}/{item['kind']}".lstrip("/") in DEFAULT_KINDS.split(",")
        assert item["metadata"]["namespace"] == "feature-new-login"


def test_a_patch_that_deletes_stands_in_a_file_of_its_own() -> None:
    """kustomize 5.5 panics when a file of patches holds two documents that delete."""
    for file in [path for path in EXAMPLE.rglob("*.yaml") if "$patch: delete" in path.read_text()]:
        assert len(list(yaml.safe_load_all(file.read_text()))) == 1, file


@pytest.mark.parametrize("overlay", APPLICATIONS)
def test_the_quota_admits_everything_at_its_largest(overlays: Overlays, overlay: str) -> None:
    objects = overlays[overlay]
    needs: defaultdict[str, Decimal] = defaultdict(Decimal)
    for item in workloads(objects):
        count = most_pods(item, objects)
        needs["pods"] += count
        for container in template(item)["spec"]["containers"]:
            for key in ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory"):
                side, resource = key.split(".")
                needs[key] += count * quantity(container["resources"][side][resource])
        for claim in item["spec"].get("volumeClaimTemplates", []):
            needs["requests.storage"] += count * quantity(claim["spec"]["resources"]["requests"]["storage"])
    for item in of(objects, "PersistentVolumeClaim"):
        needs["requests.storage"] += quantity(item["spec"]["resources"]["requests"]["storage"])
    needs["configmaps"] += len(of(objects, "ConfigMap")) + 1  # kube-root-ca.crt
    needs["secrets"] += len(secrets(objects) | NOT_OF_THE_OVERLAY.get(overlay, set()))

    (quota,) = of(objects, "ResourceQuota")
    allowed = {key: quantity(value) for key, value in quota["spec"]["hard"].items()}
    assert needs.keys() <= allowed.keys()
    assert {key: needs[key] for key in needs if needs[key] > allowed[key]} == {}


@pytest.mark.parametrize("overlay", ["base", *APPLICATIONS])
def test_whatever_points_at_something_points_at_something_that_exists(
    overlays: Overlays, overlay: str
) -> None:
    objects = overlays[overlay]
    for item in of(objects, "Deployment", "StatefulSet"):
        assert selected(objects, item["spec"]["selector"]["matchLabels"]) == [template(item)]
    for item in of(objects, "Service"):
        (pod,) = selected(objects, item["spec"]["selector"])
        assert {port["targetPort"] for port in item["spec"]["ports"]} <= ports(pod)
    for item in of(objects, "NetworkPolicy"):
        assert selected(objects, item["spec"]["podSelector"]["matchLabels"])
    for item in of(objects, "HorizontalPodAutoscaler"):
        assert item["spec"]["scaleTargetRef"]["name"] in names(of(objects, "Deployment"))
    served = {
        (item["metadata"]["name"], port["port"])
        for item in of(objects, "Service")
        for port in item["spec"]["ports"]
    }
    (route,) = of(objects, "HTTPRoute")
    backends = [backend for rule in route["spec"]["rules"] for backend in rule["backendRefs"]]
    assert {(backend["name"], backend["port"]) for backend in backends} <= served
    governing = {item["spec"]["serviceName"] for item in of(objects, "StatefulSet")}
    assert governing <= names(of(objects, "Service"))


@pytest.mark.parametrize("overlay", ["base", *APPLICATIONS])
def test_every_secret_that_a_container_reads_is_delivered(overlays: Overlays, overlay: str) -> None:
    objects = overlays[overlay]
    variables = [variable for container in containers(objects) for variable in container.get("env", [])]
    sources = [variable["valueFrom"] for variable in variables if "valueFrom" in variable]
    read = {source["secretKeyRef"]["name"] for source in sources if "secretKeyRef" in source}
    assert read == secrets(objects) | NOT_OF_THE_OVERLAY.get(overlay, set())
    mounted = {
        volume["csi"]["volumeAttributes"]["secretProviderClass"]
        for item in workloads(objects)
        for volume in template(item)["spec"].get("volumes", [])
        if "csi" in volume
    }
    assert mounted == names(of(objects, "SecretProviderClass"))  # or the driver never copies what it reads


def test_a_branch_without_a_database_starts_without_its_login(overlays: Overlays) -> None:
    variables = [one for container in containers(overlays["feature"]) for one in container.get("env", [])]
    sources = {
        one["name"]: one["valueFrom"]["secretKeyRef"]
        for one in variables
        if "secretKeyRef" in one.get("valueFrom", {})
    }
    login = {name for name, source in sources.items() if source["name"] == DATABASE}
    assert login == {"POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD"}
    assert {name for name, source in sources.items() if source.get("optional")} == login


@pytest.mark.parametrize("overlay", ["base", *APPLICATIONS])
def test_no_variable_has_two_values(overlays: Overlays, overlay: str) -> None:
    """What a patch reads from a Secret has to take the base's value away: the API server refuses both."""
    variables = [one for container in containers(overlays[overlay]) for one in container.get("env", [])]
    assert all(len(one.keys() & {"value", "valueFrom"}) == 1 for one in variables)


def secrets(objects: list[Object]) -> set[str]:
    copied = [copy for item in of(objects, "SecretProviderClass") for copy in item["spec"]["secretObjects"]]
    return names(of(objects, "Secret")) | {copy["secretName"] for copy in copied}


@pytest.mark.parametrize("overlay", ["feature", "production"])
def test_monitors_find_ports_in_their_own_namespace(overlays: Overlays, overlay: str) -> None:
    objects, monitors = overlays[overlay], overlays[f"azure-{overlay}"]
    (namespace,) = of(objects, "Namespace")
    assert {item["kind"] for item in monitors} == {"PodMonitor", "ServiceMonitor"}
    for item in monitors:
        assert item["metadata"]["namespace"] == namespace["metadata"]["name"]
        assert "namespaceSelector" not in item["spec"]
        labels = item["spec"]["selector"]["matchLabels"]
        if item["kind"] == "PodMonitor":
            found = [ports(pod) for pod in selected(objects, labels)]
        else:
            services = [
                one for one in of(objects, "Service") if labels.items() <= one["metadata"]["labels"].items()
            ]
            found = [{port["name"] for port in one["spec"]["ports"]} for one in services]
        endpoints = item["spec"].get("endpoints") or item["spec"]["podMetricsEndpoints"]
        assert found
        assert all(endpoint["port"] in available for endpoint in endpoints for available in found)
