from typing import Any

import pytest

from branches.application import TEMPLATE
from provisioning.desired import Desired
from provisioning.refusal import Refused
from tests.fakes.manifests import config_map, deployment, job, overlay, route, scaler
from tests.fakes.program import Program
from tests.fakes.sights import sight


def wish(*objects: dict[str, Any]) -> Desired | Refused:
    program = Program()
    commit = program.push("x", objects)
    return program.reconciler.desired(commit, sight("x"))


def wished(*objects: dict[str, Any]) -> Desired:
    found = wish(*objects)
    assert isinstance(found, Desired), found
    return found


def test_placeholders_are_filled_in_and_objects_put_into_the_namespace() -> None:
    found = wished(config_map("settings", branch="BRANCH_NAME", database="BRANCH_NAME_DB", at="COMMIT_SHA"))

    (manifest,) = found.manifests
    assert manifest["metadata"]["namespace"] == "feature-x"
    assert manifest["data"] == {"branch": "x", "database": "feature_x", "at": f"{1:040x}"}


def test_the_url_is_that_of_the_route_which_was_really_rendered() -> None:
    assert wished(*overlay()).url == "http://feature-x.dev.example.com/"
    assert wished(route("BRANCH_NAME.dev.example.com")).url == "http://x.dev.example.com/"
    assert wished(deployment()).url == ""


def test_the_namespace_is_no_object_of_the_overlay_and_only_its_allowed_labels_count() -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "app.kubernetes.io/managed-by": "me"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "feature-x", "labels": labels}}

    found = wished(namespace, deployment())

    assert [each["kind"] for each in found.manifests] == ["Deployment"]
    assert "app.kubernetes.io/managed-by" not in found.namespace_labels


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
def test_a_workload_that_a_scaler_targets_loses_its_replicas_and_no_other_does(kind: str) -> None:
    found = wished(deployment("web", replicas=2), deployment("worker", replicas=3), scaler(kind, "web"))

    replicas = {each["metadata"]["name"]: each["spec"].get("replicas") for each in found.manifests[:2]}
    assert replicas == {"web": None, "worker": 3}


def test_a_job_bears_a_digest_of_its_template() -> None:
    digests = {
        wished(job(image=image)).manifests[0]["metadata"]["annotations"][TEMPLATE]
        for image in ("example/migrate:1", "example/migrate:2")
    }

    assert len(digests) == 2


def test_a_refused_object_refuses_the_overlay() -> None:
    found = wish(deployment(), {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})

    assert isinstance(found, Refused)
    assert "Node n" in str(found)


def test_an_unknown_placeholder_refuses_the_overlay() -> None:
    assert isinstance(wish(config_map("settings", url="BRANCH_NAME_URL")), Refused)
