"""Whatever happens to any one call, the world comes to the same end as without it.

Each operation is run once for every call that it makes and every fault that a call can meet, by the deployed
program, over HTTP, in a process that may be killed. What failed is delivered again as the host does it; one
sweep follows.
"""

from typing import Any

import pytest

from coppice.components.namespace import READY, RESULT
from tests.chaos.faults.experiments import EXPERIMENTS, Experiments, Record
from tests.chaos.faults.faults import Fault
from tests.chaos.faults.operations import FORGOTTEN_NAMESPACE, NAMESPACE, OPERATIONS, Operation

FAULTS = list(Fault)
SHARES, IN_A_SHARE = 8, 40  # several processes draw side by side; a share takes some 25 seconds
PROVISIONING, UPDATE, DEPROVISIONING, SWEEPING = OPERATIONS
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)


@each_operation
def test_without_a_fault_nothing_is_touched_that_is_not_ours(
    experiments: Experiments, operation: Operation
) -> None:
    faultless = experiments.faultless(operation)

    assert faultless.others_after == faultless.others
    assert faultless.ours["waiting"] == []
    assert not [reference for reference in faultless.ours["cluster"] if reference.startswith("leases")]


def test_a_new_branch_ends_with_an_environment_that_is_ready(experiments: Experiments) -> None:
    faultless = experiments.faultless(PROVISIONING).ours

    assert annotations(faultless, NAMESPACE)[RESULT] == READY
    assert f"deployments.apps/{NAMESPACE}/web" in faultless["cluster"]
    assert [identity for identity, *_ in faultless["credentials"]] == ["rg-coppice/id-feature-2"] * 2


def test_an_update_prunes_recreates_and_moves_credentials(experiments: Experiments) -> None:
    faultless = experiments.faultless(UPDATE).ours
    existing_objects = {
        reference.removeprefix(f"configmaps/{NAMESPACE}/") for reference in faultless["cluster"]
    }
    job = faultless["cluster"][f"jobs.batch/{NAMESPACE}/migrate"]

    assert existing_objects & {"old", "new", "by-hand"} == {"new", "by-hand"}
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "example/migrate:2"
    assert [each[0] for each in faultless["credentials"]] == ["rg-coppice/id-feature-2", "rg-coppice/id-jobs"]
    assert annotations(faultless, NAMESPACE)[RESULT] == READY


def test_of_a_branch_that_is_gone_nothing_is_left(experiments: Experiments) -> None:
    faultless = experiments.faultless(DEPROVISIONING).ours

    assert (faultless["cluster"], faultless["credentials"]) == ({}, [])


def test_a_sweep_brings_what_is_missing_and_removes_what_was_forgotten(experiments: Experiments) -> None:
    faultless = experiments.faultless(SWEEPING).ours

    assert annotations(faultless, NAMESPACE)[RESULT] == READY
    assert not [reference for reference in faultless["cluster"] if FORGOTTEN_NAMESPACE in reference]


def annotations(faultless: dict[str, Any], namespace: str) -> dict[str, str]:
    found: dict[str, str] = faultless["cluster"][f"namespaces//{namespace}"]["metadata"]["annotations"]
    return found


@each_operation
def test_after_a_fault_at_every_seventh_call_the_world_comes_to_the_same_end(
    experiments: Experiments, operation: Operation, record_property: Record
) -> None:
    calls = experiments.faultless(operation).calls
    for turn, at in enumerate(range(3, len(calls), 7)):
        fault = FAULTS[turn % len(FAULTS)]
        differences = experiments.differences(operation, fault, at)
        assert not differences, f"{fault} at call {at}, {calls[at]}"
        record_property(EXPERIMENTS, (operation.name, fault.value, 1))


@pytest.mark.sample
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_after_a_fault_that_the_seed_has_drawn_the_world_comes_to_the_same_end(
    experiments: Experiments, share: int, sample_seed: int, record_property: Record
) -> None:
    calls = [(each, at) for each in OPERATIONS for at in range(len(experiments.faultless(each).calls))]
    sample = experiments.sample(calls, FAULTS, seed=SHARES * sample_seed + share, number=IN_A_SHARE)
    for operation, fault, experiment, differences in sample:
        assert not differences, experiment
        record_property(EXPERIMENTS, (operation.name, fault.value, 1))


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
@each_operation
def test_whatever_happens_to_any_one_call_the_world_comes_to_the_same_end(
    experiments: Experiments, operation: Operation, fault: Fault, record_property: Record
) -> None:
    calls = experiments.faultless(operation).calls
    failed = {
        f"{at}: {calls[at]}": differences
        for at in range(len(calls))
        if (differences := experiments.differences(operation, fault, at))
    }
    assert not failed
    record_property(EXPERIMENTS, (operation.name, fault.value, len(calls)))
