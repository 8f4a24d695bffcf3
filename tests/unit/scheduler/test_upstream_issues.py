"""Faults of other schedulers, each as a test. The docstrings name the issues of those projects."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

from coppice.reconciler.outcome import Done, Stalled
from scheduler.calendar import level
from scheduler.loading import load
from scheduler.nodes import Budget, Pod, Requirement
from scheduler.overrides import Override
from scheduler.pools import Autoscaler, Pool, Shape
from tests.unit.scheduler.states import asleep
from tests.unit.scheduler.world import EVENING, MORNING, SCHEDULE, World


def test_5_the_weekday_is_that_of_the_time_zone() -> None:
    """kube-downscaler#25: in Auckland, Monday morning was taken for Sunday: nothing ran."""
    schedule = load(SCHEDULE.replace("protected", "timezone: Pacific/Auckland\nprotected", 1))
    sunday_evening_utc = EVENING - timedelta(days=1, hours=1)  # Monday, 08:00 there
    assert level(schedule, "dev", (), sunday_evening_utc).awake


def test_6_a_missed_tick_changes_nothing() -> None:
    """kube-green#246: a busy controller missed a window of 60 seconds, and everything slept a day longer."""
    world = asleep()
    world.now = MORNING + timedelta(hours=1, minutes=7)  # the first tick in eleven hours
    world.run_until_done()
    assert world.flag() == "on"
    assert world.nodes == World().nodes


def test_7_a_snapshot_is_not_overwritten_while_asleep() -> None:
    """kube-downscaler#44, #56: asleep already, 0 was remembered over the real size."""
    world = asleep()
    for _ in range(3):
        world.settle()
        world.tick()
    assert world.shapes()["dev"].tag == "count=2,min=1,max=3"
    # The snapshot also outlives a wake that was never completed.
    world.now = MORNING
    world.no_capacity = {"dev", "gpu"}
    for _ in range(4):
        world.tick()
        world.settle()
    world.now = EVENING + timedelta(days=1)
    world.run_until_done()
    assert world.shapes()["dev"].tag == "count=2,min=1,max=3"
    world.no_capacity = set()
    world.now = MORNING + timedelta(days=1)
    world.run_until_done()
    assert world.shapes() == World().shapes()


def test_8_a_pool_that_the_schedule_does_not_name_is_left_alone() -> None:
    """gke-weekend-downscaler: a pool that its list did not know was set to 0, with production on it."""
    world = World(now=EVENING)
    world.pools["payments"] = Pool(
        name="payments", mode="User", shape=Shape(4, None), provisioning_state="Succeeded", etag="0"
    )
    world.nodes["payments"] = 4
    world.run_until_done()
    assert {name for name, _ in world.puts} == {"dev", "gpu"}
    assert world.nodes["payments"] == 4


def test_9_what_is_observed_counts_and_not_what_was_recorded() -> None:
    """instance-scheduler#592: a stored "stopped" was believed, and hid a machine that ran."""
    world = asleep()
    shape = replace(world.pools["dev"].shape, autoscaler=Autoscaler(1, 5))
    world.pools["dev"] = replace(world.pools["dev"], shape=shape, etag="99")
    world.nodes["dev"] = 1
    assert not isinstance(world.tick().outcome, Done)
    world.settle()
    world.run_until_done()
    assert world.shapes()["dev"] == Shape(0, None, "count=2,min=1,max=3")
    assert world.nodes["dev"] == 0


def test_10_done_is_reported_only_after_reading_back() -> None:
    """startstopv2#116: success was reported, and the machines ran on all night."""
    world = World(now=EVENING)
    world.run_until_done()
    assert all(
        pool.down and pool.provisioning_state == "Succeeded"
        for pool in world.reconciler().observe("dev").own_pools
    )
    world = World(now=EVENING)
    for _ in range(12):
        report = world.tick()
        if world.pools["dev"].shape.count == 0:  # AKS has accepted it, and no more than that
            break
        world.settle()
    assert world.nodes["dev"] == 2
    assert not isinstance(report.outcome, Done)


def test_11_an_override_ends_by_itself() -> None:
    """kubernetes-on-aws#3122: `exclude: true` was set for one evening, and stayed for ever."""
    world = World(now=EVENING)
    world.overrides["dev"] = Override(
        environment="dev",
        state="on",
        since=EVENING,
        until=EVENING + timedelta(hours=8),
        who="Ada",
        reason="a demonstration",
    )
    report = world.tick()
    assert isinstance(report.outcome, Done)
    assert report.outcome.why == "override: on by Ada until 2026-03-03 04:00 UTC: a demonstration"
    world.now = EVENING + timedelta(hours=8)
    world.run_until_done()
    assert world.nodes["dev"] == 0


def test_12_where_rules_conflict_awake_wins() -> None:
    """kube-downscaler#28: of two rules about one time, the one that put things to sleep won."""
    spans = '"Mon 06:00-20:00", "Mon 19:00-23:00"'
    schedule = load(SCHEDULE.replace('"Mon-Fri 06:00-20:00"', spans))
    assert level(schedule, "dev", (), EVENING).awake


def test_13_synced_counts_only_at_a_commit_where_the_flag_is_off() -> None:
    """kargo#6357: "Synced" was true before Argo CD had seen the commit, and the next step was taken on it."""
    world = World(now=EVENING)
    world.app.slow = 10**6  # "Synced", at the commit before
    for _ in range(5):
        report = world.tick()
        world.settle()
    assert world.flag() == "off"
    assert "Application/argocd/dev is at c0, where environment.state in dev.yaml" in report.outcome.why
    assert world.nodes == World().nodes


def test_14_an_environment_is_switched_in_git() -> None:
    """GoKubeDownscaler#453: replicas were set to 0 on the cluster; self-heal raised them again."""
    world = asleep()
    assert world.commits[-1] == world.commits[0].replace('"on"', '"off"')
    assert world.pods == []


def test_15_a_disruption_budget_that_holds_the_drain_is_named() -> None:
    """cluster-turndown#38, AKS#2090: a PodDisruptionBudget held the drain for ever, and nobody said which."""
    world = World(now=EVENING)
    world.pods.append(
        Pod(namespace="cnpg-system", name="pg-1", node="dev-0", labels={"cnpg.io/cluster": "pg"})
    )
    selector = (Requirement("cnpg.io/cluster", "In", ("pg",)),)
    world.budgets = [
        Budget(namespace="cnpg-system", name="pg-primary", selector=selector, disruptions_allowed=0),
        Budget(namespace="cnpg-system", name="other", selector=selector, disruptions_allowed=1),
    ]
    while world.pools["dev"].shape.count:
        report = world.tick()
        if world.pools["dev"].shape.count:
            world.settle()
    draining = deepcopy(world)  # AKS goes on draining
    draining.now += timedelta(hours=1)
    report = draining.tick()
    assert isinstance(report.outcome, Stalled)
    assert "PodDisruptionBudget cnpg-system/pg-primary lets cnpg-system/pg-1 not go" in report.outcome.why
    assert "other" not in report.outcome.why
