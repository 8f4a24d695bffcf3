"""What a branch has tried, or could: each of these once passed."""

from dataclasses import replace
from typing import Any

import pytest

from provisioning.admission import check_objects
from tests.unit.provisioning.admission.conftest import POLICY, Check

POD = {"containers": [{"name": "web", "image": "web"}]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priorityClassName", "system-node-critical"),
        ("priorityClassName", "production"),
        ("priority", 2_000_000_000),
        ("preemptionPolicy", "PreemptLowerPriority"),
        ("nodeName", "aks-system-0"),
        ("schedulerName", "my-scheduler"),
        ("runtimeClassName", "on-system-nodes"),
        ("ephemeralContainers", [{"name": "x"}]),
        ("resourceClaims", [{"name": "gpu"}]),
    ],
)
def test_a_pod_chooses_neither_its_priority_nor_its_node(check: Check, field: str, value: object) -> None:
    assert f"spec.{field} is not let through: " in check.pod(**{field: value})


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists"},
        {"key": "CriticalAddonsOnly", "operator": "Exists"},
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists"},
    ],
)
def test_a_pod_tolerates_no_taint_that_the_operator_does_not_name(
    check: Check, toleration: dict[str, object]
) -> None:
    assert "its pods tolerate the taint" in check.pod(tolerations=[toleration])


def test_a_pod_may_say_again_what_the_operator_or_kubernetes_says_for_it(check: Check) -> None:
    lost = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    dev = {"key": "dev", "operator": "Exists", "effect": "NoSchedule"}
    assert check.pod(tolerations=[{**lost, "tolerationSeconds": 300}, dev]) == ""


@pytest.mark.parametrize(
    "spec",
    [
        {"nodeSelector": {"kubernetes.azure.com/mode": "system"}},
        {"nodeSelector": {"kubernetes.io/hostname": "aks-system-0"}},
        *(
            {"affinity": {"nodeAffinity": affinity}}
            for term in [{"matchExpressions": [{"key": "agentpool", "operator": "In", "values": ["system"]}]}]
            for affinity in [
                {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}},
                {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]},
            ]
        ),
    ],
)
def test_a_pod_chooses_no_nodes_but_those_of_the_operator(check: Check, spec: dict[str, object]) -> None:
    assert "its pods choose nodes by the label" in check.pod(**spec)


def test_a_pod_may_ask_for_an_operating_system_and_by_the_operators_own_label(check: Check) -> None:
    assert check.pod(nodeSelector={"kubernetes.io/os": "linux", "pool": "dev"}) == ""


def test_a_pod_names_no_node_by_its_fields(check: Check) -> None:
    fields = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["aks-system-0"]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [fields]}}
    assert "nodeSelectorTerms[0].matchFields is not let" in check.pod(affinity={"nodeAffinity": affinity})


@pytest.mark.parametrize("field", ["namespaces", "namespaceSelector"])
def test_a_pod_keeps_no_other_namespaces_pods_off_its_node(check: Check, field: str) -> None:
    value: object = ["production"] if field == "namespaces" else {}
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}, field: value}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert f"Execution[0].{field} is not let through: " in check.pod(affinity=affinity)


def test_a_pod_does_not_hold_its_node_past_five_minutes(check: Check) -> None:
    assert check.pod(terminationGracePeriodSeconds=300) == ""
    assert "315360000 terminationGracePeriodSeconds" in check.pod(terminationGracePeriodSeconds=315_360_000)
    probe = {"exec": {"command": ["false"]}, "terminationGracePeriodSeconds": 3_600}
    assert "has a livenessProbe with 3600" in check.container(livenessProbe=probe)


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe", "startupProbe"])
@pytest.mark.parametrize("action", ["httpGet", "tcpSocket"])
def test_no_probe_has_the_node_call_an_address_of_the_branchs(check: Check, probe: str, action: str) -> None:
    reason = check.container(**{probe: {action: {"host": "169.254.169.254", "port": 80}}})
    assert f"{probe}.{action}.host is not let through" in reason
    assert check.container(**{probe: {action: {"port": 80}}}) == ""


@pytest.mark.parametrize("hook", ["postStart", "preStop"])
def test_no_hook_has_the_node_call_an_address_of_the_branchs(check: Check, hook: str) -> None:
    reason = check.container(lifecycle={hook: {"httpGet": {"host": "10.0.0.1", "port": 80}}})
    assert f"lifecycle.{hook}.httpGet.host is not let through" in reason


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (("apps/v1", "Deployment"), ["spec", "template"]),
        (("batch/v1", "Job"), ["spec", "template"]),
        (("batch/v1", "CronJob"), ["spec", "jobTemplate"]),
        (("batch/v1", "CronJob"), ["spec", "jobTemplate", "spec", "template"]),
        (("keda.sh/v1alpha1", "ScaledJob"), ["spec", "jobTargetRef", "template"]),
    ],
)
@pytest.mark.parametrize(
    ("field", "value"),
    [("finalizers", ["example.com/never"]), ("ownerReferences", [{"name": "x"}]), ("generateName", "x-")],
)
def test_a_template_hands_on_no_finalizer_and_no_owner(
    check: Check, kind: tuple[str, str], path: list[str], field: str, value: object
) -> None:
    fields: Any = {"metadata": {field: value}}
    for name in reversed(path):
        fields = {name: fields}
    assert f"{'.'.join(path)}.metadata.{field} is not let through" in check(*kind, **fields)


def test_a_template_of_claims_hands_on_no_finalizer_either(check: Check) -> None:
    held = {"metadata": {"name": "data", "finalizers": ["example.com/never"]}, "spec": {}}
    reason = check("apps/v1", "StatefulSet", spec={"volumeClaimTemplates": [held]})
    assert "spec.volumeClaimTemplates[0].metadata.finalizers is not let through" in reason
    inline = {"name": "v", "ephemeral": {"volumeClaimTemplate": held}}
    assert "ephemeral.volumeClaimTemplate.metadata.finalizers" in check.pod(volumes=[inline])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("volumeName", "pvc-of-production"),
        ("selector", {"matchLabels": {"app": "production"}}),
        ("dataSource", {"kind": "PersistentVolumeClaim", "name": "x"}),
        ("dataSourceRef", {"kind": "VolumeSnapshot", "name": "x", "namespace": "production"}),
        ("dataSourceRef", {}),
    ],
)
def test_a_claim_takes_no_volume_and_no_data_that_are_there(check: Check, field: str, value: object) -> None:
    reason = check("v1", "PersistentVolumeClaim", spec={field: value})
    assert f"spec.{field} is not let through" in reason
    within = check("apps/v1", "StatefulSet", spec={"volumeClaimTemplates": [{"spec": {field: value}}]})
    assert f"spec.volumeClaimTemplates[0].spec.{field} is not let through" in within


def test_an_ordinary_claim_passes(check: Check) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "x",
    }
    assert check("v1", "PersistentVolumeClaim", spec=spec) == ""


@pytest.mark.parametrize(
    "kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"]
)
def test_a_secret_is_of_no_type_that_the_cluster_acts_upon(check: Check, kind: str) -> None:
    assert f"the type of Secret '{kind}' is not let through" in check("v1", "Secret", type=kind)


@pytest.mark.parametrize("kind", ["", "Opaque", "kubernetes.io/tls", "kubernetes.io/dockerconfigjson"])
def test_an_ordinary_secret_passes(check: Check, kind: str) -> None:
    assert check("v1", "Secret", type=kind, stringData={"a": "b"}) == ""


@pytest.mark.parametrize(
    "key",
    [
        "external-dns.alpha.kubernetes.io/hostname",
        "cert-manager.io/cluster-issuer",
        "reloader.stakater.com/auto",
        "secret.reloader.stakater.com/reload",
        "argocd.argoproj.io/tracking-id",
        "cluster-autoscaler.kubernetes.io/safe-to-evict",
        "container.apparmor.security.beta.kubernetes.io/web",
        "service.beta.kubernetes.io/azure-load-balancer-internal",
        "coppice.dev/branch",
        "pv.kubernetes.io/bind-completed",
        "volume.kubernetes.io/selected-node",
    ],
)
def test_an_annotation_that_others_obey_is_refused_wherever_it_stands(check: Check, key: str) -> None:
    on_it = check("v1", "Service", metadata={"annotations": {key: "x"}})
    assert f"metadata.annotations['{key}'] is not let through: controllers obey annotations" in on_it
    template = {"metadata": {"annotations": {key: "x"}}, "spec": POD}
    assert key in check("apps/v1", "Deployment", spec={"template": template})
    claim = {"metadata": {"name": "data", "annotations": {key: "x"}}}
    assert key in check("apps/v1", "StatefulSet", spec={"volumeClaimTemplates": [claim]})


@pytest.mark.parametrize(
    "key", ["prometheus.io/scrape", "checksum/config", "kubectl.kubernetes.io/restartedAt", "revision"]
)
def test_an_annotation_that_stays_within_the_environment_passes(check: Check, key: str) -> None:
    assert check("v1", "Service", metadata={"annotations": {key: "x"}}) == ""


def test_an_address_within_the_cluster_is_not_chosen(check: Check) -> None:
    assert "asks for the address '10.0.0.10'" in check("v1", "Service", spec={"clusterIP": "10.0.0.10"})
    assert check("v1", "Service", spec={"clusterIP": "None", "clusterIPs": ["None"]}) == ""


def test_a_route_attaches_to_no_gateway_by_default(check: Check) -> None:
    spec = {"hostnames": ["login.example.com"], "useDefaultGateways": "All"}
    for kind in ("HTTPRoute", "GRPCRoute"):
        reason = check("gateway.networking.k8s.io/v1", kind, spec=spec)
        assert "spec.useDefaultGateways is not let through: would attach the route to gateways" in reason


def test_a_field_that_no_schema_has_is_unknown_and_says_what_there_is(check: Check) -> None:
    reason = check("v1", "Service", spec={"hostnames": ["evil.example"]})
    assert reason.startswith("Service web: unknown field spec.hostnames: what may stand there: clusterIP, ")


def test_what_a_branch_writes_stands_in_a_message_in_quotes(check: Check) -> None:
    reason = check("v1", "Service", spec={"type\nReady": 1, "x" * 500: 1})
    assert "unknown field spec['type\\nReady']" in reason
    assert "x" * 81 not in reason


def test_the_metadata_of_a_kind_without_a_table_is_checked() -> None:
    policy = replace(POLICY, allowed_kinds=frozenset({"example.com/Widget"}))
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 1},
    }
    assert check_objects([widget], policy) == ()
    held = {**widget, "metadata": {"name": "w", "finalizers": ["x"]}}
    assert "metadata.finalizers is not let through" in str(check_objects([held], policy)[0])
