"""What an API server refuses for its names is refused before the first write."""

from typing import Any

import pytest

from provisioning.names import refusals
from tests.support.manifests import config_map, deployment


def refused(manifest: dict[str, Any]) -> str:
    return "; ".join(map(str, refusals([manifest])))


def web(**pod: Any) -> dict[str, Any]:
    return pod_of({"containers": [{"name": "web", "image": "web", **pod}]})


def pod_of(spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}


def named(api_version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def labelled(**labels: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": labels}}


@pytest.mark.parametrize("manifest", [deployment(), config_map("settings", a="b"), web()])
def test_nothing_stands_against_what_the_api_server_takes(manifest: dict[str, Any]) -> None:
    assert refused(manifest) == ""


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (named("v1", "Service", "a.b"), "metadata.name: 'a.b' is no DNS label"),
        (named("v1", "ConfigMap", "a..b"), "metadata.name: 'a..b' is no DNS name"),
        (named("v1", "Service", "a" * 64), "64 characters, and a Service's may have 63"),
        (named("batch/v1", "CronJob", "a" * 53), "53 characters, and a CronJob's may have 52"),
        (named("batch/v1", "Job", "a" * 64), "64 characters, and a Job's may have 63"),
        (labelled(branch=9000), "metadata.labels.branch must be a string; put it in quotes"),
        (labelled(branch="a" * 64), "is no label value"),
        (labelled(branch="ends-"), "is no label value"),
        (labelled(**{"a/b/c": ""}), "'a/b/c' is no key"),
        (labelled(**{"A.example/c": ""}), "'A.example/c' is no key"),
        (config_map("settings", **{"a b": ""}), "data: 'a b' is no key"),
        (config_map("settings", **{"..": ""}), "data: '..' is no key"),
        ({**named("v1", "Service", "a"), "spec": {"selector": {"app": "-"}}}, "spec.selector.app: '-' is no"),
        (pod_of({"nodeSelector": {"pool": 1}}), "spec.nodeSelector.pool must be a string"),
        (web(name="Web"), "containers: 'Web' is no name"),
        (web(image=""), "container web names no image"),
        (web(env=[{"value": "x"}]), "env of container web: '' is no name of a variable"),
        (web(env=[{"name": "a=b"}]), "env of container web: 'a=b' is no name of a variable"),
        (web(ports=[{"name": "much-too-long-for-one"}]), "at most 15 lower-case letters"),
        (
            web(ports=[{"name": "8080"}]),
            "'8080' is no name: at most 15 lower-case letters, digits and '-', a letter",
        ),
        (web(ports=[{"name": "8080"}]), "; a letter among them, and no '--'"),
        (web(name="-a"), "letters, digits and '-', a letter or digit first and last"),
        (config_map("settings", **{"a" * 254: ""}), "at most 253 letters"),
        (config_map("settings", **{".": ""}), "it is not '.' and does not begin with '..'"),
        (
            {**named("v1", "Service", "a"), "metadata": {"name": "a", "annotations": {"A/B/c": "x"}}},
            "metadata.annotations: 'A/B/c' is no key",
        ),
        (web(volumeMounts=[{"name": "data"}]), "mounts the volume 'data', which its pod does not have"),
        (
            pod_of({"containers": [{"name": "a", "image": "a"}, {"name": "a", "image": "b"}]}),
            "containers: 'a' is there more than once",
        ),
        (
            {**named("v1", "Service", "a"), "spec": {"ports": [{"port": 1}, {"port": 2}]}},
            "spec.ports: with more than one, each needs a name",
        ),
        (
            {**named("apps/v1", "Deployment", "a"), "spec": {"selector": {"matchLabels": {"app": "a"}}}},
            "spec.selector asks for the label app=a, which spec.template does not give its pods",
        ),
    ],
)
def test_a_name_that_the_api_server_does_not_take_is_refused(manifest: dict[str, Any], reason: str) -> None:
    assert reason in refused(manifest)


def test_a_label_that_kustomize_sets_by_itself_is_refused_with_what_makes_it_set_it() -> None:
    reason = refused(labelled(**{"app.kubernetes.io/managed-by": "kustomize-(devel)"}))
    assert "leave that out" in reason
    assert "managedByLabel" in reason


def test_a_claim_of_a_stateful_set_is_a_volume_that_its_pods_may_mount() -> None:
    labels = {"app": "db"}
    mounting = {"name": "db", "image": "db", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    assert not refused(
        {
            **named("apps/v1", "StatefulSet", "db"),
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [mounting]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        }
    )
