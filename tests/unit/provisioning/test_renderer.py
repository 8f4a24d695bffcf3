import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coppice.components.application import TEMPLATE
from coppice.manifests.archive import Tree
from coppice.manifests.rejection import Rejection
from provisioning.admission import AdmissionPolicy
from provisioning.fence import FenceConfig
from provisioning.placement import Placement
from provisioning.renderer import Desired, Layout, render
from provisioning.secrets import VaultConfig
from tests.support.builders import sight
from tests.support.config import CONFIG, key
from tests.support.manifests import config_map, deployment, job, overlay, route, scaler
from tests.support.program import Program
from tests.support.repository import MONITORING, OVERLAY, Repository


def render_overlay(*objects: dict[str, Any]) -> Desired | Rejection:
    program = Program()
    commit = program.push("x", objects)
    return program.reconciler.desired(commit, sight("x"))


def rendered(*objects: dict[str, Any]) -> Desired:
    found = render_overlay(*objects)
    assert isinstance(found, Desired), found
    return found


def test_placeholders_are_filled_in_and_objects_put_into_the_namespace() -> None:
    found = rendered(config_map("settings", branch="BRANCH_NAME", database="BRANCH_NAME_DB", at="COMMIT_SHA"))

    (manifest,) = found.manifests
    assert manifest["metadata"]["namespace"] == "feature-x"
    assert manifest["data"] == {"branch": "x", "database": "feature_x", "at": f"{1:040x}"}


def test_the_url_is_that_of_the_route_which_was_really_rendered() -> None:
    assert rendered(*overlay()).url == "http://feature-x.dev.example.com/"
    assert rendered(route("BRANCH_NAME.dev.example.com")).url == "http://x.dev.example.com/"
    assert rendered(deployment()).url == ""


def test_the_namespace_is_no_object_of_the_overlay_and_only_its_allowed_labels_count() -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "app.kubernetes.io/managed-by": "me"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "feature-x", "labels": labels}}

    found = rendered(namespace, deployment())

    assert [each["kind"] for each in found.manifests] == ["Deployment"]
    assert "app.kubernetes.io/managed-by" not in found.namespace_labels


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
def test_a_workload_that_a_scaler_targets_loses_its_replicas_and_no_other_does(kind: str) -> None:
    found = rendered(deployment("web", replicas=2), deployment("worker", replicas=3), scaler(kind, "web"))

    replicas = {each["metadata"]["name"]: each["spec"].get("replicas") for each in found.manifests[:2]}
    assert replicas == {"web": None, "worker": 3}


def test_a_job_bears_a_digest_of_its_template() -> None:
    digests = {
        rendered(job(image=image)).manifests[0]["metadata"]["annotations"][TEMPLATE]
        for image in ("example/migrate:1", "example/migrate:2")
    }

    assert len(digests) == 2


def test_a_refused_object_refuses_the_overlay() -> None:
    found = render_overlay(deployment(), {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})

    assert isinstance(found, Rejection)
    assert "Node n" in str(found)


def test_an_unknown_placeholder_refuses_the_overlay() -> None:
    assert isinstance(render_overlay(config_map("settings", url="BRANCH_NAME_URL")), Rejection)


def test_a_token_from_a_base_which_none_are_replaced_in_is_refused_with_object_and_field() -> None:
    program = Program()
    base = config_map("settings", url="http://BRANCH_NAME/", own="$(COMMIT_SHA)")

    class Builder:
        @contextlib.contextmanager
        def workspace(self, tree: Tree) -> Iterator[Callable[[str], tuple[dict[str, Any], ...]]]:
            yield lambda overlay: (base,) if overlay == OVERLAY else ()

    layout = Layout(
        manifests="manifests",
        overlays=(OVERLAY, MONITORING),
        tenant="",
        accounts={},
        vaults=VaultConfig(vaults=(), objects=()),
        fence=FenceConfig(templates=()),
        placement=Placement(node_selector={}, tolerations=()),
    )
    found = render(
        program.push("x", ()),
        key("x"),
        CONFIG.name("x"),
        layout=layout,
        guard=AdmissionPolicy(
            namespace="feature-x",
            allowed_kinds=frozenset({"ConfigMap"}),
            hosts=frozenset(),
            gateways=frozenset(),
            key_vaults=frozenset(),
            key_vault_objects=frozenset(),
        ),
        archives=Repository(program.world),
        builder=Builder(),
    )

    assert isinstance(found, Rejection)
    (refusal,) = found.refusals
    assert refusal.object == "ConfigMap settings"
    assert refusal.reason.startswith("data.url holds the placeholder BRANCH_NAME")
