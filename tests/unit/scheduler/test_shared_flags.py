"""Two environments with one flag. One of them names the default branch, the other omits it."""

from dataclasses import replace

import pytest

from coppice.reconciler.errors import Unreachable
from coppice.reconciler.outcome import Done, Outcome, Stalled, Waiting
from scheduler.overrides import Override
from tests.unit.scheduler.ports import Ports
from tests.unit.scheduler.world import EVENING, MORNING, SCHEDULE, World

EXPLICIT = "{repository: Acme/GitOps, branch: main, file: dev.yaml, path: environment.state}"
LONGER = '["Mon-Fri 06:00-22:00"]'


def two_environments(*, flag: str = EXPLICIT, awake: str = '["Mon-Fri 06:00-20:00"]') -> str:
    return SCHEDULE + (
        f"  staging:\n    awake: {awake}\n    namespaces: [ameide-staging]\n"
        f"    state: [{flag}]\n    sync: [{{argocd: argocd/dev}}]\n"
    )


def reconcile_staging(world: World) -> Outcome:
    return world.reconciler().reconcile("staging").outcome


def test_a_shared_flag_is_recognised_however_it_is_written() -> None:
    world = World(now=EVENING, schedule=two_environments(awake=LONGER))
    outcome = world.tick().outcome
    assert isinstance(outcome, Stalled)
    assert outcome.code == "shared"
    assert "environment.state in dev.yaml of acme/gitops is that of staging too" in outcome.why
    assert (len(world.commits), world.puts) == (1, [])
    world.now = EVENING.replace(hour=23)
    assert reconcile_staging(world).code == "shared"
    assert len(world.commits) == 1


@pytest.mark.parametrize(
    "flag",
    [
        EXPLICIT.replace("main", "release"),
        EXPLICIT.replace("Acme/GitOps", "acme/another"),
        EXPLICIT.replace("path: environment.state", "path: environment.power"),
    ],
)
def test_another_flag_has_no_effect(flag: str) -> None:
    world = World(now=EVENING, schedule=two_environments(flag=flag, awake=LONGER))
    world.run_until_done()
    assert world.flag() == "off"


def test_environments_that_share_a_flag_sleep_and_wake_together() -> None:
    world = World(now=EVENING, schedule=two_environments())
    world.run_until_done()
    assert isinstance(reconcile_staging(world), Waiting | Done)
    world.now = MORNING
    world.run_until_done()
    assert world.flag() == "on"


def test_an_environment_that_an_override_keeps_awake_is_not_put_to_sleep_by_another() -> None:
    world = World(now=EVENING, schedule=two_environments())
    world.overrides["staging"] = Override(
        environment="staging", state="on", since=EVENING, until=EVENING.replace(hour=23), who="Ada"
    )
    outcome = world.tick().outcome
    assert (type(outcome), outcome.code) == (Waiting, "shared")
    assert "staging too, which is awake: override: on by Ada" in outcome.why
    assert world.flag() == "on"
    world.now = EVENING.replace(hour=23, minute=30)
    world.run_until_done()
    assert world.flag() == "off"


def test_an_unknown_default_branch_is_waited_for() -> None:
    world = World(
        now=EVENING, schedule=two_environments(flag="{file: dev.yaml, path: environment.state}", awake=LONGER)
    )
    world.schedule = world.schedule.replace(
        "state: [{file: dev.yaml, path: environment.state}]",
        "state: [{branch: main, file: dev.yaml, path: environment.state}]",
        1,
    )

    class UnknownDefaultBranch(Ports):
        def default_branch(self, repository: str) -> str:
            raise Unreachable("no answer from git")

    reconciler = world.reconciler()
    without_default_branch = replace(
        reconciler, readers=replace(reconciler.readers, repositories=UnknownDefaultBranch(world))
    )
    assert without_default_branch.reconcile("dev").outcome.code == "unreachable"
    assert (len(world.commits), world.puts) == (1, [])
