from typing import Any

import pytest

from tests.unit.provisioning.admission.conftest import Check

CONTAINERS = [{"name": "web", "image": "web"}]


def test_an_ordinary_pod_passes(check: Check) -> None:
    assert (
        check.pod(
            volumes=[
                {"name": "a", "configMap": {"name": "x"}},
                {"name": "b", "emptyDir": {}},
                {"name": "c", "persistentVolumeClaim": {"claimName": "x"}},
                {"name": "d", "csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": True}},
            ],
            securityContext={
                "runAsNonRoot": True,
                "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}],
            },
            initContainers=[{"name": "wait", "securityContext": {"privileged": False}}],
            hostNetwork=False,
            serviceAccountName="web",
        )
        == ""
    )
    assert (
        check.container(
            ports=[{"containerPort": 80, "hostPort": 0}],
            securityContext={
                "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                "procMount": "Default",
            },
        )
        == ""
    )


@pytest.mark.parametrize("field", ["hostNetwork", "hostPID", "hostIPC"])
@pytest.mark.parametrize("value", [True, "true", 1])
def test_a_pod_may_not_share_the_nodes_namespaces(check: Check, field: str, value: object) -> None:
    assert f"spec.{field} is not let through" in check.pod(**{field: value})


@pytest.mark.parametrize("source", ["hostPath", "nfs", "azureFile", "flexVolume", "gitRepo", "image"])
def test_a_volume_of_another_type_is_refused_even_with_nothing_in_it(check: Check, source: str) -> None:
    reason = check.pod(volumes=[{"name": "v", source: {}}])
    assert f"spec.volumes[0].{source} is not let through: of volumes only those" in reason


def test_a_volume_of_a_type_that_no_schema_has_is_an_unknown_field(check: Check) -> None:
    reason = check.pod(volumes=[{"name": "v", "somethingNew": {}}])
    assert "unknown field spec.volumes[0].somethingNew" in reason


def test_an_inline_volume_of_another_driver_is_refused(check: Check) -> None:
    assert "'file.csi.azure.com'" in check.pod(
        volumes=[{"name": "v", "csi": {"driver": "file.csi.azure.com"}}]
    )
    assert "CSI driver" in check.pod(volumes=[{"name": "v", "csi": {}}])


@pytest.mark.parametrize("field", ["containers", "initContainers"])
@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"securityContext": {"privileged": True}}, "[0].securityContext.privileged is not"),
        ({"securityContext": {"procMount": "Unmasked"}}, "procMount"),
        ({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}, "'NET_ADMIN'"),
        ({"securityContext": {"capabilities": {"add": ["ALL"]}}}, "'ALL'"),
        (
            {"securityContext": {"windowsOptions": {"hostProcess": True}}},
            "[0].securityContext.windowsOptions",
        ),
        ({"ports": [{"containerPort": 80, "hostPort": 80}]}, "[0].ports[0].hostPort is not"),
    ],
)
def test_a_container_of_any_sort_gets_nothing_of_the_nodes(
    check: Check, field: str, container: dict[str, object], reason: str
) -> None:
    refused = check.pod(**{field: [{"name": "c", **container}]})
    assert "container 'c'" in refused or f"spec.{field}[0]" in refused
    assert reason in refused


def test_a_pods_own_security_context_is_looked_at_too(check: Check) -> None:
    assert "hostProcess" in check.pod(securityContext={"windowsOptions": {"hostProcess": True}})
    assert "'kernel.msgmax'" in check.pod(
        securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}
    )


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "Pod", ["spec"]),
        ("apps/v1", "Deployment", ["spec", "template", "spec"]),
        ("batch/v1", "Job", ["spec", "template", "spec"]),
        ("batch/v1", "CronJob", ["spec", "jobTemplate", "spec", "template", "spec"]),
        ("keda.sh/v1alpha1", "ScaledJob", ["spec", "jobTargetRef", "template", "spec"]),
    ],
)
def test_pods_are_found_in_whatever_makes_them(check: Check, api_version: str, kind: str, path: str) -> None:
    fields: dict[str, Any] = {"containers": CONTAINERS, "hostNetwork": True}
    for name in reversed(path):
        fields = {name: fields}
    assert f"{kind} web: {'.'.join([*path, 'hostNetwork'])} is not let through" in check(
        api_version, kind, **fields
    )


def test_every_reason_is_given(check: Check) -> None:
    reason = check.pod(hostPID=True, volumes=[{"name": "v", "hostPath": {"path": "/"}}], hostIPC=True)
    assert all(word in reason for word in ("hostPID", "hostIPC", "hostPath"))


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": {"web": {}}},
        {"containers": ["web"]},
        {"volumes": [["hostPath"]]},
        {"securityContext": "privileged"},
        {"serviceAccountName": ["a"]},
        {"volumes": [{"name": "v", "csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": "x"}}]},
    ],
)
def test_what_cannot_be_read_is_refused(check: Check, spec: dict[str, object]) -> None:
    assert "must be a" in check.pod(**spec)


def test_a_config_map_may_hold_any_words(check: Check) -> None:
    assert (
        check("v1", "ConfigMap", data={"hostNetwork": "true", "containers": "x", "volumes": "hostPath"}) == ""
    )
