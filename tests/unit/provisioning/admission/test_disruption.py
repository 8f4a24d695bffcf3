from typing import Any

import pytest

from tests.unit.provisioning.admission.conftest import Check

LABELS = {"app": "web"}


def budget(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": LABELS}, **spec},
    }


def deployment(replicas: int | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": LABELS}}},
    }


def scaler(least: int | None) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": least},
    }


@pytest.mark.parametrize("most", [0, "0%", "0"])
def test_a_budget_of_nothing_is_refused(check: Check, most: object) -> None:
    assert "its maxUnavailable allows no node" in check.of(budget(maxUnavailable=most), deployment(3))


@pytest.mark.parametrize("most", [1, "1%", "50%"])
def test_a_budget_that_gives_way_passes(check: Check, most: object) -> None:
    assert check.of(budget(maxUnavailable=most), deployment(1)) == ""


@pytest.mark.parametrize(("least", "replicas"), [(1, None), (1, 1), (2, 2), (5, 2), ("100%", 3), ("51%", 1)])
def test_a_budget_of_all_the_pods_there_are_is_refused(
    check: Check, least: object, replicas: int | None
) -> None:
    assert "its minAvailable" in check.of(budget(minAvailable=least), deployment(replicas))


@pytest.mark.parametrize(("least", "replicas"), [(1, 2), ("50%", 2), (0, 1), ("66%", 4)])
def test_a_budget_that_leaves_a_pod_to_spare_passes(check: Check, least: object, replicas: int) -> None:
    assert check.of(budget(minAvailable=least), deployment(replicas)) == ""


def test_what_a_scaler_may_take_away_is_not_there_to_spare(check: Check) -> None:
    assert check.of(budget(minAvailable=1), deployment(5), scaler(2)) == ""
    assert "its minAvailable '1' of 1" in check.of(budget(minAvailable=1), deployment(5), scaler(None))


def test_pods_are_found_by_expressions_too(check: Check) -> None:
    expressions = [
        {"key": "app", "operator": "In", "values": ["web"]},
        {"key": "app", "operator": "Exists"},
        {"key": "app", "operator": "NotIn", "values": ["db"]},
        {"key": "tier", "operator": "DoesNotExist"},
    ]
    selecting = budget(minAvailable=1, selector={"matchExpressions": expressions})
    assert "its minAvailable '1' of 1" in check.of(selecting, deployment(1))
    assert check.of(budget(minAvailable=1, selector={"matchLabels": {"app": "db"}}), deployment(1)) == ""


def test_pods_that_are_not_ready_hold_no_node(check: Check) -> None:
    held = budget(maxUnavailable=1, unhealthyPodEvictionPolicy="IfHealthyBudget")
    assert "unhealthyPodEvictionPolicy" in check.of(held)
    assert check.of(budget(maxUnavailable=1, unhealthyPodEvictionPolicy="AlwaysAllow")) == ""
