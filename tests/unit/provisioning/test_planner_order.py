"""In which order an overlay is applied: what has to stand first does, and nothing waits that need not."""

from dataclasses import replace
from typing import Any

import pytest

from coppice.components.application import Apply, in_order
from coppice.components.observed import Observed
from coppice.manifests.rejection import Rejection
from coppice.reconciler.plan import Wave
from provisioning.renderer import Desired
from tests.support.config import CONFIG
from tests.support.manifests import config_map, deployment, job, overlay, route, scaler
from tests.support.program import Program
from tests.support.world import Crash


class Fenced(Program):
    """A program whose environments stand in a fence of one object."""

    def _desired(self, commit: str, observed: Observed) -> Desired | Rejection:
        found = super()._desired(commit, observed)
        fence = {**config_map("fence"), "kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1"}
        return replace(found, fence=(fence,)) if isinstance(found, Desired) else found

    def applying(self) -> list[set[str]]:
        """What the next run of branch `x` would apply, wave by wave."""
        _, _, planned = self.reconciler.explain(CONFIG.key("x"))
        return kinds(item for item in planned.items if isinstance(item, Wave))


def kinds(planned: Any) -> list[set[str]]:
    found = ({each.manifest["kind"] for each in item.changes if isinstance(each, Apply)} for item in planned)
    return [each for each in found if each]


def test_what_pods_need_comes_before_them_and_what_needs_no_pods_comes_with_them() -> None:
    monitor = {
        **config_map("web"),
        "kind": "PodMonitor",
        "apiVersion": "azmonitoring.coreos.com/v1",
    }
    scalers = [scaler(kind, "web") for kind in ("HorizontalPodAutoscaler", "ScaledObject")]
    manifests = (*scalers, monitor, route(), deployment(), job(), config_map("settings"))
    groups = in_order("feature-x", manifests)
    assert [{each.manifest["kind"] for each in group} for group in groups] == [
        {"ConfigMap"},
        {"Deployment", "Job", "HorizontalPodAutoscaler", "HTTPRoute", "PodMonitor"},
        {"ScaledObject"},
    ]


def test_the_fence_stands_before_anything_comes_in() -> None:
    program = Fenced()
    program.push("x")
    fence, first, *_ = program.applying()
    assert fence == {"NetworkPolicy"}
    assert "ConfigMap" in first


def test_in_a_fence_that_stands_the_next_commit_is_applied_side_by_side_with_it() -> None:
    program = Fenced()
    program.stand("x")
    program.world.pass_time(hours=24)  # all objects are applied again, changed or not
    program.push("x", overlay(config_map("more")))
    first, *_ = program.applying()
    assert {"NetworkPolicy", "ConfigMap"} <= first


def test_a_fence_of_other_settings_stands_before_anything_else_of_the_next_commit() -> None:
    program = Fenced()
    program.stand("x")
    other = Fenced(program.world, replace(CONFIG, digest="settings-2"), program.queue)
    fence, *_ = other.applying()
    assert fence == {"NetworkPolicy"}


def test_a_run_that_was_cut_short_before_the_fence_stood_puts_the_fence_first_again() -> None:
    program = Fenced()
    program.push("x")

    def crash(what: str) -> None:
        if what.startswith("apply "):
            raise Crash(what)

    program.world.before = crash
    with pytest.raises(Crash):
        program.run("x")
    program.world.recover()
    assert "feature-x" in program.world.records
    fence, *_ = program.applying()
    assert fence == {"NetworkPolicy"}
