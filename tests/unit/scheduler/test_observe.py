import pytest

from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Present, Unknown
from coppice.reconciler.outcome import Stalled, Waiting
from scheduler.nodes import Pod
from tests.unit.scheduler.world import EVENING, SCHEDULE, World

PATH = "{file: dev.yaml, path: environment.state}"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("{file: nope.yaml, path: environment.state}", "acme/gitops@main has no file nope.yaml"),
        ("{file: dev.yaml, path: environment.status}", "environment has no keys 'status'"),
        ("{file: dev.yaml, path: environment.state.on}", "environment.state is the value 'on'"),
        ("{file: dev.yaml, path: environment}", "environment is a mapping"),
        ("{file: dev.yaml, path: environment.state, branch: gone}", "acme/gitops has no branch gone"),
    ],
)
def test_a_flag_that_is_not_there_is_an_error_and_never_something_to_create(place: str, why: str) -> None:
    world = World(now=EVENING, schedule=SCHEDULE.replace(PATH, place))
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert why in report.outcome.why
    assert (world.puts, len(world.commits)) == ([], 1)


def test_a_file_that_is_no_yaml_any_more_stops_everything() -> None:
    world = World(now=EVENING)
    world.push("environment: [\n")
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "dev.yaml of acme/gitops@main: it is not YAML" in report.outcome.why


def test_what_was_not_read_is_unknown_and_nothing_else_suffers() -> None:
    world = World(unreadable={"cluster"})
    seen = world.reconciler().observe("dev")
    assert isinstance(seen.nodes, Unknown)
    assert isinstance(seen.on_pools, Unknown)
    assert isinstance(seen.budgets, Unknown)
    assert isinstance(seen.pools, Present)
    assert isinstance(seen.flags[0].head, Present)


def test_flags_are_seen_at_one_commit_though_somebody_pushes_in_between() -> None:
    twice = SCHEDULE.replace(f"[{PATH}]", f"[{PATH}, {{file: dev.yaml, path: environment.other}}]")
    text = 'environment:\n  state: "on"\n  other: "on"\n'
    world = World(now=EVENING, commits=[text], schedule=twice)
    heads = iter(["c0", "c1"])
    world.heads = lambda: next(heads)  # type: ignore[method-assign]  # somebody pushes
    seen = world.reconciler().observe("dev")
    assert {flag.head.value.commit for flag in seen.flags if isinstance(flag.head, Present)} == {"c0"}


def test_the_pods_of_other_pools_are_none_of_its_business() -> None:
    world = World()
    world.pods += [Pod(namespace="a", name="x", node="prod-0"), Pod(namespace="a", name="y", node="gpu-0")]
    seen = world.reconciler().observe("dev")
    assert isinstance(seen.on_pools, Present)
    assert {pod.name for pod in seen.on_pools.value} == {"web", "y"}


def test_a_night_goes_on_though_the_cluster_could_not_be_read() -> None:
    world = World(now=EVENING)
    world.run_until_done()
    night = world.ledgers["dev"]
    world.unreadable = {"cluster"}
    report = world.tick()
    assert isinstance(report.outcome, Waiting)
    assert report.outcome.code == Unreachable.code
    assert world.ledgers["dev"] == night
