"""Users copy the example's pods: they must be admitted, have images to be pulled, and follow a push."""

import re

import pytest
import yaml

from tests.unit.examples.built import (
    APPLICATIONS,
    PLACEHOLDERS,
    Overlays,
    containers,
    names,
    template,
    workloads,
)

PUBLIC_IMAGES = {
    "curlimages/curl",
    "ghcr.io/stefanprodan/podinfo",
    "nats",
    "natsio/prometheus-nats-exporter",
    "postgres",
}


@pytest.mark.parametrize("overlay", APPLICATIONS)
def test_every_pod_is_one_that_the_restricted_standard_admits(overlays: Overlays, overlay: str) -> None:
    for item in workloads(overlays[overlay]):
        pod = template(item)["spec"]
        assert pod["securityContext"].items() >= {"runAsNonRoot": True, "runAsUser": 1001}.items()
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        kinds = {key for volume in pod.get("volumes", []) for key in volume} - {"name"}
        assert kinds <= {"configMap", "csi", "emptyDir", "persistentVolumeClaim"}
    for container in containers(overlays[overlay]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("overlay", ["base", *APPLICATIONS])
def test_every_image_is_a_public_one_with_a_release_for_a_tag(overlays: Overlays, overlay: str) -> None:
    images = [container["image"].rpartition(":") for container in containers(overlays[overlay])]
    assert {name for name, _, _ in images} <= PUBLIC_IMAGES
    assert all(re.match(r"\d+\.\d+", tag) for _, _, tag in images)


@pytest.mark.parametrize("overlay", ["base", *APPLICATIONS])
def test_podinfo_listens_where_its_pods_say_and_writes_where_it_may(overlays: Overlays, overlay: str) -> None:
    found = [one for one in containers(overlays[overlay]) if "podinfo" in one["image"]]
    assert len(found) == 3
    for container in found:
        flags = dict(flag.removeprefix("--").split("=") for flag in container["command"][1:])
        declared = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
        assert declared.pop("http") == flags["port"]
        assert declared.get("metrics") == flags.get("port-metrics")
        assert flags["data-path"] in {mount["mountPath"] for mount in container["volumeMounts"]}
        probes = {key: container[f"{key}Probe"]["httpGet"] for key in ("liveness", "readiness")}
        assert probes == {
            "liveness": {"path": "/healthz", "port": "http"},
            "readiness": {"path": "/readyz", "port": "http"},
        }


def test_a_push_rolls_the_pods_of_the_application_and_spares_its_message_bus(overlays: Overlays) -> None:
    commit = PLACEHOLDERS["COMMIT_SHA"]
    rolled = [item for item in workloads(overlays["feature"]) if commit in yaml.safe_dump(template(item))]
    assert names(rolled) == {"todo-app-be", "todo-app-fe", "broadcaster"}
    for item in rolled:
        assert template(item)["metadata"]["labels"]["app.kubernetes.io/version"] == commit
