"""The same for a branch's database: a fault at every statement, on a real PostgreSQL.

Only what is said to that server is struck here: all other calls are those of the operations without one.
"""

from collections.abc import Iterator

import pytest

from devtools.emulators.postgres.server import PostgresMissingError, postgres
from tests.chaos.faults.experiments import EXPERIMENTS, Experiments, Record
from tests.chaos.faults.faults import Fault
from tests.chaos.faults.laboratory import laboratory
from tests.chaos.faults.operations import NAMESPACE, OPERATIONS, Operation

# A server that says nothing at all is the host's to end; its own time limit is among the errors.
FAULTS = [each for each in Fault if each is not Fault.TIMEOUT]
PROVISIONING, _, DEPROVISIONING, _ = OPERATIONS
SHARES, IN_A_SHARE = 2, 20
each_operation = pytest.mark.parametrize(
    "operation", [PROVISIONING, DEPROVISIONING], ids=lambda each: each.name
)


@pytest.fixture(scope="module")
def experiments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiments]:
    try:
        with (
            postgres() as server,
            laboratory(tmp_path_factory.mktemp("laboratory"), server) as lab,
        ):
            yield Experiments(lab)
    except PostgresMissingError as error:
        pytest.skip(str(error))


def statements(experiments: Experiments, operation: Operation) -> list[int]:
    calls = experiments.faultless(operation).calls
    return [at for at, call in enumerate(calls) if call.system == "postgres"]


def test_without_a_fault_a_branch_has_a_database_whose_login_works(experiments: Experiments) -> None:
    faultless = experiments.faultless(PROVISIONING)
    assert faultless.ours["databases"][NAMESPACE]["works"] is True
    assert faultless.others_after == faultless.others


def test_without_a_fault_nothing_is_left_of_a_database(experiments: Experiments) -> None:
    faultless = experiments.faultless(DEPROVISIONING)
    assert faultless.ours["databases"] == {}
    assert faultless.others_after == faultless.others


@each_operation
def test_after_a_fault_at_every_third_statement_the_world_comes_to_the_same_end(
    experiments: Experiments, operation: Operation
) -> None:
    for turn, at in enumerate(statements(experiments, operation)[::3]):
        fault = FAULTS[turn * 5 % len(FAULTS)]
        assert not experiments.differences(operation, fault, at), f"{fault} at call {at}"


@pytest.mark.sample
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_after_a_fault_that_the_seed_has_drawn_the_world_comes_to_the_same_end(
    experiments: Experiments, share: int, sample_seed: int, record_property: Record
) -> None:
    calls = [(each, at) for each in (PROVISIONING, DEPROVISIONING) for at in statements(experiments, each)]
    sample = experiments.sample(calls, FAULTS, seed=SHARES * sample_seed + share, number=IN_A_SHARE)
    for operation, fault, experiment, differences in sample:
        assert not differences, experiment
        record_property(EXPERIMENTS, (f"{operation.name}, SQL", fault.value, 1))


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
@each_operation
def test_whatever_happens_to_any_one_statement_the_world_comes_to_the_same_end(
    experiments: Experiments, operation: Operation, fault: Fault, record_property: Record
) -> None:
    positions = statements(experiments, operation)
    calls = experiments.faultless(operation).calls
    failed = {
        f"{at}: {calls[at]}": differences
        for at in positions
        if (differences := experiments.differences(operation, fault, at))
    }
    assert not failed
    record_property(EXPERIMENTS, (f"{operation.name}, SQL", fault.value, len(positions)))
