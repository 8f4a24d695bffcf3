from typing import Any

import pytest

from coppice.manifests.fields import kind_id
from provisioning.admission import namespace_labels
from provisioning.admission.policy import AdmissionPolicy
from tests.unit.provisioning.admission.conftest import Check


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("v1", "PersistentVolume"),
        ("v1", "Node"),
        ("argoproj.io/v1alpha1", "Application"),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("apps/v1", "DaemonSet"),
        ("v1", "Deployment"),
        ("apps/v1", "Service"),
        ("v1", "List"),
        ("apps/v1", "deployment"),
    ],
)
def test_a_kind_that_is_not_allowed_is_refused_by_group_and_name(
    check: Check, api_version: str, kind: str
) -> None:
    reason = check(api_version, kind)
    assert "web: this kind is not in ALLOWED_KINDS" in reason
    assert kind in reason


def test_an_allowed_kind_passes_in_the_versions_whose_schemas_are_known(check: Check) -> None:
    assert check("gateway.networking.k8s.io/v1beta1", "GRPCRoute") != ""
    assert check("apps/v1", "Deployment") == ""
    assert "apiVersion must be one of apps/v1" in check("apps/v1beta2", "Deployment")


@pytest.mark.parametrize("api_version", ["", "apps/v1/../..", "apps/", "v1\n", "apps/v1 ", "/v1"])
def test_an_api_version_is_one_or_refused(check: Check, api_version: str) -> None:
    assert check(api_version, "Service") != ""


@pytest.mark.parametrize("name", [None, "", "Web", "a/b", "../web", "web\n", "-web", "x" * 254, "ü"])
def test_a_name_that_could_not_emulator_a_url_is_refused(check: Check, name: str) -> None:
    assert "metadata.name must be" in check("v1", "Service", metadata={"name": name})


def test_only_the_own_namespace_may_be_named(check: Check) -> None:
    assert check("v1", "Service", metadata={"namespace": "feature-login"}) == ""
    assert "its namespace is 'production'; leave it out, or make it feature-login" in check(
        "v1", "Service", metadata={"namespace": "production"}
    )


def test_what_would_hold_up_or_tie_the_object_is_refused(check: Check) -> None:
    assert "finalizers" in check("v1", "Service", metadata={"finalizers": ["example.com/wait"]})
    assert "ownerReferences" in check("v1", "Service", metadata={"ownerReferences": [{"name": "x"}]})
    assert check("v1", "Service", metadata={"finalizers": [], "ownerReferences": None}) == ""


def test_labels_and_annotations_are_strings(check: Check) -> None:
    assert "metadata.labels['a'] must be a string; put it in quotes" in check(
        "v1", "Service", metadata={"labels": {"a": 1}}
    )
    assert "annotations must be a map" in check("v1", "Service", metadata={"annotations": ["a"]})


def test_the_same_object_twice_is_refused_even_in_two_versions(check: Check) -> None:
    one = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
    one["spec"] = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    assert check.of(one, {**one, "metadata": {"name": "api"}}) == ""
    assert "HorizontalPodAutoscaler web: is there more than once" in check.of(
        one, {**one, "apiVersion": "autoscaling/v2"}
    )


def namespace(name: str = "feature-login", **labels: Any) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def test_the_own_namespace_is_tolerated_even_in_both_overlays_and_no_other(check: Check) -> None:
    assert check.of(namespace(), namespace()) == ""
    assert "only the namespace feature-login belongs" in check.of(namespace("production"))


def test_of_the_namespaces_labels_only_descriptive_ones_count(policy: AdmissionPolicy) -> None:
    labels: dict[str, Any] = {
        "team": "login",
        "app.kubernetes.io/name": "todo",
        "pod-security.kubernetes.io/enforce": "privileged",
        "prod-gateway-access": "allowed",
        "app.kubernetes.io/managed-by": "someone",
        "owner": "not a valid value",
        "cost-center": 7,
    }
    expected = {"team": "login", "app.kubernetes.io/name": "todo"}
    assert namespace_labels([namespace(**labels)], policy) == expected
    assert namespace_labels([namespace("other", **labels)], policy) == {}


def test_kinds_are_written_as_the_setting_writes_them() -> None:
    assert kind_id({"apiVersion": "apps/v1", "kind": "Deployment"}) == "apps/Deployment"
    assert kind_id({"apiVersion": "v1", "kind": "Service"}) == "Service"
