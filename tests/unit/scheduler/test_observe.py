import pytest

from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Present, Unknown
from coppice.reconciler.outcome import Stalled, Waiting
from scheduler.nodes import Pod
from tests.unit.scheduler.world import EVENING, SCHEDULE, World

PATH = "{file: dev.yaml, path: environment.state}"


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("{file: nope.yaml, path: environment.state}", "acme/gitops@main has no file nope.yaml"),
        ("{file: dev.yaml, path: environment.status}", "environment has no keys 'status'"),
        ("{file: dev.yaml, path: environment.state.on}", "environment.state is the value 'on'"),
        ("{file: dev.yaml, path: environment}", "environment is a mapping"),
        ("{file: dev.yaml, path: environment.state, branch: gone}", "acme/gitops has no branch gone"),
    ],
)
def test_a_missing_flag_blocks_and_is_not_created(flag: str, why: str) -> None:
    world = World(now=EVENING, schedule=SCHEDULE.replace(PATH, flag))
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert why in report.outcome.why
    assert (world.puts, len(world.commits)) == ([], 1)


def test_a_file_that_is_not_yaml_blocks_everything() -> None:
    world = World(now=EVENING)
    world.push("environment: [\n")
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "dev.yaml of acme/gitops@main: it is not YAML" in report.outcome.why


def test_a_failed_reading_is_unknown_and_the_others_are_present() -> None:
    world = World(unreadable={"cluster"})
    observed = world.reconciler().observe("dev")
    assert isinstance(observed.nodes, Unknown)
    assert isinstance(observed.on_pools, Unknown)
    assert isinstance(observed.budgets, Unknown)
    assert isinstance(observed.pools, Present)
    assert isinstance(observed.flags[0].head, Present)


def test_flags_are_read_at_one_commit_even_if_somebody_pushes_in_between() -> None:
    twice = SCHEDULE.replace(f"[{PATH}]", f"[{PATH}, {{file: dev.yaml, path: environment.other}}]")
    text = 'environment:\n  state: "on"\n  other: "on"\n'
    world = World(now=EVENING, commits=[text], schedule=twice)
    heads = iter(["c0", "c1"])
    world.heads = lambda: next(heads)  # type: ignore[method-assign]  # somebody pushes
    observed = world.reconciler().observe("dev")
    assert {flag.head.value.commit for flag in observed.flags if isinstance(flag.head, Present)} == {"c0"}


def test_pods_of_other_pools_are_not_observed() -> None:
    world = World()
    world.pods += [Pod(namespace="a", name="x", node="prod-0"), Pod(namespace="a", name="y", node="gpu-0")]
    observed = world.reconciler().observe("dev")
    assert isinstance(observed.on_pools, Present)
    assert {pod.name for pod in observed.on_pools.value} == {"web", "y"}


def test_a_sleep_period_goes_on_while_the_cluster_cannot_be_read() -> None:
    world = World(now=EVENING)
    world.run_until_done()
    ledger = world.ledgers["dev"]
    world.unreadable = {"cluster"}
    report = world.tick()
    assert isinstance(report.outcome, Waiting)
    assert report.outcome.code == Unreachable.code
    assert world.ledgers["dev"] == ledger
