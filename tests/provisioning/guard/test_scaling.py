import pytest

from tests.provisioning.guard.conftest import Check

TARGET = {"name": "web"}


def test_what_scales_by_its_own_sign_in_passes(check: Check) -> None:
    own = {"type": "cpu", "authenticationRef": {"name": "x", "kind": "TriggerAuthentication"}}
    assert (
        check(
            "keda.sh/v1alpha1",
            "ScaledObject",
            spec={"scaleTargetRef": TARGET, "triggers": [{"type": "cpu"}, own]},
        )
        == ""
    )
    assert (
        check(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            spec={"scaleTargetRef": {**TARGET, "kind": "Deployment"}},
        )
        == ""
    )


def test_the_clusters_sign_ins_are_refused(check: Check) -> None:
    trigger = {"authenticationRef": {"name": "x", "kind": "ClusterTriggerAuthentication"}}
    assert "the whole cluster's" in check(
        "keda.sh/v1alpha1", "ScaledObject", spec={"scaleTargetRef": TARGET, "triggers": [trigger]}
    )


@pytest.mark.parametrize("target", [None, {}, {"name": ["web"]}, {"name": "web", "kind": {}}, "web"])
def test_a_target_that_cannot_be_read_is_refused(check: Check, target: object) -> None:
    assert check("autoscaling/v2", "HorizontalPodAutoscaler", spec={"scaleTargetRef": target}) != ""
