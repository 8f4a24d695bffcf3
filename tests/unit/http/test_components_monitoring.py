"""Tests that the API shows a branch's part in the shared monitoring as it is read, not as it is recorded."""

from dataclasses import replace

from coppice.components.monitoring.shared import Part, ReplaceShared, Shared
from coppice.components.observed import Observed
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Present, Reading, Unknown
from tests.support.builders import noting, record_of, sight
from tests.support.config import key
from tests.unit.environment.sharing import merged, part, shared
from tests.unit.http.looks import DEPLOYMENT, looked
from tests.unit.http.test_components import shown


def part_of(branch: str) -> Part:
    made = part(branch, "pods", annotated=True)
    return replace(made, owner=replace(made.owner, key=key(branch)))


def sharing(monitoring: Reading[Shared]) -> Observed:
    record = record_of("x", inventory=(DEPLOYMENT,), monitored=tuple(SharedName))
    return sight("x", records=noting(record), monitoring=monitoring)


def test_a_part_in_the_shared_configuration_is_monitoring_as_far_as_it_stands_there() -> None:
    jobs = "its part in ConfigMap/kube-system/ama-metrics-prometheus-config"
    settings = "its part in ConfigMap/kube-system/ama-metrics-settings-configmap"
    mine = part_of("x")

    told = shown(sharing(Present(merged(shared(), mine))), looked(DEPLOYMENT))["monitoring"]
    assert (told["state"], told["stands"], told["missing"]) == ("standing", [jobs, settings], [])

    half = replace(merged(shared(), mine), settings=shared().settings)
    told = shown(sharing(Present(half)), looked(DEPLOYMENT))["monitoring"]
    assert (told["state"], told["stands"], told["missing"]) == ("incomplete", [jobs], [settings])

    neighbours = merged(shared(), part_of("y"))
    for there in (neighbours, Shared()):
        told = shown(sharing(Present(there)), looked(DEPLOYMENT))["monitoring"]
        assert (told["state"], told["stands"], told["missing"]) == ("missing", [], [jobs, settings])

    told = shown(sharing(Unknown(Unreachable("reset"))), looked(DEPLOYMENT))["monitoring"]
    assert (told["state"], told["missing"]) == ("unknown", ["not read: reset"])


def test_a_part_that_a_run_would_write_is_missing_once() -> None:
    there = shared()
    assert there.jobs is not None

    change = ReplaceShared(config=there.jobs, part=part_of("x"))
    told = shown(sharing(Present(there)), looked(DEPLOYMENT), change)["monitoring"]

    assert told["pending"] == ["replace ConfigMap/kube-system/ama-metrics-prometheus-config"]
    assert told["missing"] == [
        "its part in ConfigMap/kube-system/ama-metrics-prometheus-config",
        "its part in ConfigMap/kube-system/ama-metrics-settings-configmap",
    ]
