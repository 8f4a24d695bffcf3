import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coppice.manifests.rejection import Refusal, Rejection
from provisioning.admission import AdmissionPolicy, check_objects, namespace_labels
from tests.unit.provisioning.admission.conftest import Check

OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}


def config_map(name: str, **data: str) -> dict[str, object]:
    return {**OBJECT, "metadata": {"name": name}, "data": data}


def test_no_objects_are_no_reason_to_refuse(check: Check) -> None:
    assert check.of() == ""


def test_every_object_is_judged_by_every_family(check: Check) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "other"},
        "spec": {"hostPID": True},
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"type": "NodePort"}}
    reason = check.of(pod, service)
    assert "Pod p: its namespace is 'other'" in reason
    assert "Pod p: spec.hostPID is not let through" in reason
    assert "Service s: its type is 'NodePort'" in reason


def test_five_hundred_objects_pass_and_one_more_does_not(check: Check) -> None:
    objects = [config_map(f"x{number}") for number in range(501)]
    assert check.of(*objects[:500]) == ""
    assert check.of(*objects) == "overlay: builds 501 objects; at most 500 are let through"


def test_five_megabytes_pass_and_more_do_not(check: Check) -> None:
    assert check.of(config_map("x", a="x" * 4_999_000)) == ""
    assert "bytes of JSON" in check.of(config_map("x", a="x" * 3_000_000), config_map("y", a="x" * 3_000_000))


def endless() -> dict[str, object]:
    loop: dict[str, object] = {**OBJECT}
    loop["spec"] = loop
    return loop


def unfolding() -> dict[str, object]:
    value: object = "x"
    for _ in range(60):
        value = [value, value]
    return {**OBJECT, "data": value}


def deep() -> dict[str, object]:
    value: object = "x"
    for _ in range(100_000):
        value = [value]
    return {**OBJECT, "data": value}


@pytest.mark.parametrize("odd", [endless(), unfolding()])
def test_an_object_without_end_is_refused_in_no_time(check: Check, odd: Any) -> None:
    started = time.monotonic()
    assert "nests deeper" in check.of(odd)
    assert time.monotonic() - started < 10


def test_an_object_that_nests_without_reason_is_refused(check: Check) -> None:
    assert "nests deeper" in check.of(deep())


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), b"bytes", {1: 2}, {"a": {None: 1}}, 2**70, (1, 2), object(), {1, 2}]
)
def test_what_json_does_not_know_is_refused(check: Check, value: object) -> None:
    assert check.of({**OBJECT, "data": value}).startswith("object 1: has a ")


@pytest.mark.parametrize("odd", [None, [], "x", 7])
def test_what_is_no_map_is_refused(check: Check, odd: Any) -> None:
    assert check.of(odd) == "object 1: is not a map"


def test_a_refused_overlay_names_ten_reasons_and_counts_the_rest() -> None:
    message = str(Rejection(tuple(Refusal(f"Service s{number}", "is bad") for number in range(13))))
    assert message.startswith("Service s0: is bad; Service s1: is bad; ")
    assert message.endswith("Service s9: is bad; and 3 more")


WORDS = st.sampled_from(
    [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "spec",
        "template",
        "containers",
        "volumes",
        "hostPath",
        "hostnames",
        "parentRefs",
        "rules",
        "type",
        "data",
        "parameters",
        "objects",
        "provider",
        "securityContext",
        "capabilities",
        "add",
        "ports",
        "triggers",
        "scaleTargetRef",
        "namespaceSelector",
        "v1",
        "apps/v1",
        "batch/v1",
        "keda.sh/v1alpha1",
        "gateway.networking.k8s.io/v1",
        "secrets-store.csi.x-k8s.io/v1",
        "Pod",
        "Deployment",
        "CronJob",
        "HTTPRoute",
        "SecretProviderClass",
        "Service",
        "Namespace",
        "ScaledObject",
        "feature-login",
        "jobTemplate",
        "csi",
        "endpoints",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5) | st.just("\ud800")
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=25,
)
KINDS = st.sampled_from(
    [
        ("v1", "Pod"),
        ("apps/v1", "Deployment"),
        ("batch/v1", "CronJob"),
        ("v1", "Service"),
        ("v1", "Namespace"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass"),
        ("azmonitoring.coreos.com/v1", "PodMonitor"),
        ("keda.sh/v1alpha1", "ScaledObject"),
        ("networking.k8s.io/v1", "Ingress"),
    ]
)
SPECS = st.dictionaries(WORDS, JSON, max_size=6)
LIKELY = st.builds(
    lambda kind, metadata, spec: {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, "spec": spec},
    KINDS,
    st.just({"name": "web"}) | JSON,
    SPECS | st.builds(lambda spec: {"template": {"spec": spec}}, SPECS) | JSON,
)


@given(st.lists(LIKELY | JSON, max_size=4))
def test_whatever_comes_the_guard_answers_and_every_refusal_can_be_written_down(
    policy: AdmissionPolicy, objects: Any
) -> None:
    refusals = check_objects(objects, policy)
    for refusal in refusals:
        assert refusal.object
        assert refusal.reason
        assert len(str(refusal)) < 2_000
        assert json.loads(json.dumps(str(refusal).encode().decode())) == str(refusal)
    if not refusals:
        assert all(isinstance(value, str) for value in namespace_labels(objects, policy).values())
