"""Two environments with one flag, of which one names the default branch and the other leaves it out."""

from dataclasses import replace

import pytest

from coppice.reconciler.errors import Unreachable
from coppice.reconciler.outcome import Done, Outcome, Stalled, Waiting
from scheduler.overrides import Override
from tests.unit.scheduler.ports import Ports
from tests.unit.scheduler.world import EVENING, MORNING, SCHEDULE, World

SPELT = "{repository: Acme/GitOps, branch: main, file: dev.yaml, path: environment.state}"
LONGER = '["Mon-Fri 06:00-22:00"]'


def two(*, flag: str = SPELT, awake: str = '["Mon-Fri 06:00-20:00"]') -> str:
    return SCHEDULE + (
        f"  staging:\n    awake: {awake}\n    namespaces: [ameide-staging]\n"
        f"    state: [{flag}]\n    sync: [{{argocd: argocd/dev}}]\n"
    )


def staging(world: World) -> Outcome:
    return world.reconciler().reconcile("staging").outcome


def test_the_same_flag_is_known_however_it_is_spelt() -> None:
    world = World(now=EVENING, schedule=two(awake=LONGER))
    outcome = world.tick().outcome
    assert isinstance(outcome, Stalled)
    assert outcome.code == "shared"
    assert "environment.state in dev.yaml of acme/gitops is that of staging too" in outcome.why
    assert (len(world.commits), world.puts) == (1, [])
    world.now = EVENING.replace(hour=23)
    assert staging(world).code == "shared"
    assert len(world.commits) == 1


@pytest.mark.parametrize(
    "flag",
    [
        SPELT.replace("main", "release"),
        SPELT.replace("Acme/GitOps", "acme/another"),
        SPELT.replace("path: environment.state", "path: environment.power"),
    ],
)
def test_another_flag_is_nobodys_business(flag: str) -> None:
    world = World(now=EVENING, schedule=two(flag=flag, awake=LONGER))
    world.run_until_done()
    assert world.flag() == "off"


def test_environments_that_share_a_flag_sleep_and_wake_together() -> None:
    world = World(now=EVENING, schedule=two())
    world.run_until_done()
    assert isinstance(staging(world), Waiting | Done)
    world.now = MORNING
    world.run_until_done()
    assert world.flag() == "on"


def test_one_that_somebody_keeps_awake_is_not_switched_off_by_the_other() -> None:
    world = World(now=EVENING, schedule=two())
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


def test_a_default_branch_that_cannot_be_read_is_waited_for() -> None:
    world = World(now=EVENING, schedule=two(flag="{file: dev.yaml, path: environment.state}", awake=LONGER))
    world.schedule = world.schedule.replace(
        "state: [{file: dev.yaml, path: environment.state}]",
        "state: [{branch: main, file: dev.yaml, path: environment.state}]",
        1,
    )

    class Silent(Ports):
        def default_branch(self, repository: str) -> str:
            raise Unreachable("no answer from git")

    ours = world.reconciler()
    blind = replace(ours, readers=replace(ours.readers, repositories=Silent(world)))
    assert blind.reconcile("dev").outcome.code == "unreachable"
    assert (len(world.commits), world.puts) == (1, [])
