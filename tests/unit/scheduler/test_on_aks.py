"""The scheduler on emulators of ARM and of a cluster with nodes: they hide less than a world in memory."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from kubernetes.client import Configuration

from adapters.azure.client import Unsigned
from adapters.azure.pools import PoolAdapter
from adapters.kubernetes.client import Api
from adapters.kubernetes.nodes import NodeAdapter
from coppice.reconciler.outcome import Done, Outcome, Stalled, Waiting
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.nodes import sync_nodes
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import ManualScale, Pool, example_world
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.kubernetes.world import SimulatorSettings
from devtools.emulators.serving import serving
from scheduler.reconciler import Reconciler
from tests.unit.scheduler.world import EVENING, MORNING, World

POOLS = (
    Pool(name="system", mode="System", count=1),
    Pool(name="dev", mode="User", count=2, enable_auto_scaling=True, min_count=1, max_count=3),
    Pool(name="gpu", mode="User", count=1),
    Pool(name="prod", mode="User", count=3),
)


@dataclass(kw_only=True)
class SchedulerOnAks:
    """The scheduler between AKS, a cluster, and Git in memory."""

    arm: ArmState
    api: Api
    pools: PoolAdapter
    world: World

    def reconciler(self) -> Reconciler:
        in_memory = self.world.reconciler()
        return replace(
            in_memory,
            readers=replace(in_memory.readers, pools=self.pools, cluster=NodeAdapter(self.api)),
            executor=replace(in_memory.executor, pools=self.pools),
        )

    def tick(self) -> Outcome:
        return self.reconciler().reconcile("dev").outcome

    def settle(self, *, minutes: float = 1) -> None:
        self.world.settle(minutes=minutes)
        for _ in range(4):
            sync_nodes(self.arm, self.api)

    def until(self, kind: type[Outcome], *, rounds: int = 40, minutes: float = 1) -> Outcome:
        for _ in range(rounds):
            outcome = self.tick()
            if isinstance(outcome, kind):
                return outcome
            self.settle(minutes=minutes)
        raise AssertionError(outcome)

    def size(self, pool: str) -> tuple[object, ...]:
        found = self.arm.pools[pool]
        return found.get("count"), found["enableAutoScaling"], found.get("tags") or {}

    def nodes(self, pool: str) -> list[bool]:
        """Which of a pool's nodes are ready."""
        return sorted(each.ready for each in NodeAdapter(self.api).nodes() if each.pool == pool)

    def write_by_hand(self, pool: str, **changes: Any) -> None:
        """Let somebody else write a pool."""
        with self.arm.lock:
            self.arm.pools[pool].update(changes, eTag=f"{pool}-by-hand")


AWAKE: dict[str, tuple[object, ...]] = {"dev": (2, True, {}), "gpu": (1, False, {})}
ASLEEP: dict[str, tuple[object, ...]] = {
    "dev": (0, False, {"coppice-before-sleep": "count=2,min=1,max=3"}),
    "gpu": (0, False, {"coppice-before-sleep": "count=1"}),
}


@pytest.fixture
def start() -> Iterator[Callable[..., SchedulerOnAks]]:
    with ExitStack() as stack:

        def begin(**gpu: Any) -> SchedulerOnAks:
            pools = tuple(each.model_copy(update=gpu if each.name == "gpu" else {}) for each in POOLS)
            arm = ArmState(world=example_world().model_copy(update={"pools": pools}))
            arm.keeps_nodes = True
            cluster = stack.enter_context(
                serving(kubernetes_app(settings=SimulatorSettings(node_ready_seconds=0)))
            )
            url = stack.enter_context(serving(arm_app(arm)))
            adapter = PoolAdapter(
                Unsigned(), arm.world.subscription, url, group="rg-coppice", name="aks-coppice"
            )
            api = Api(Configuration(host=cluster))
            started = SchedulerOnAks(arm=arm, api=api, pools=adapter, world=World(now=EVENING))
            for _ in range(2):
                sync_nodes(arm, api)
            return started

        yield begin


def states(start: SchedulerOnAks) -> dict[str, tuple[object, ...]]:
    return {pool: start.size(pool) for pool in ("dev", "gpu")}


def test_sleep_and_wake(start: Callable[..., SchedulerOnAks]) -> None:
    aks = start()
    aks.until(Done)
    assert (states(aks), aks.nodes("dev"), aks.nodes("gpu")) == (ASLEEP, [], [])
    aks.world.now = MORNING
    aks.until(Done)
    assert (states(aks), aks.nodes("dev"), aks.nodes("gpu")) == (AWAKE, [True, True], [True])
    assert (aks.nodes("prod"), aks.arm.cluster_writes) == ([True] * 3, 0)


def test_deallocated_vms_stay_nodes_and_start_again(
    start: Callable[..., SchedulerOnAks],
) -> None:
    aks = start(scale_down_mode="Deallocate", count=2)
    before = {node.name for node in NodeAdapter(aks.api).nodes() if node.pool == "gpu"}
    aks.until(Done)
    assert (aks.size("gpu")[0], aks.nodes("gpu")) == (0, [False, False])
    aks.world.now = MORNING
    aks.until(Done)
    assert (aks.size("gpu"), aks.nodes("gpu")) == ((2, False, {}), [True, True])
    assert {node.name for node in NodeAdapter(aks.api).nodes() if node.pool == "gpu"} == before


def test_a_pool_that_was_stopped_before_is_left_as_it_was(start: Callable[..., SchedulerOnAks]) -> None:
    aks = start(power_state="Stopped")
    before = dict(aks.arm.pools["gpu"])
    aks.until(Done)
    assert (aks.size("dev"), aks.arm.pools["gpu"]) == (ASLEEP["dev"], before)
    aks.world.now = MORNING
    aks.until(Done)
    assert (aks.size("dev"), aks.arm.pools["gpu"]) == (AWAKE["dev"], before)


def test_a_pool_that_is_stopped_while_asleep_blocks_and_the_others_wake(
    start: Callable[..., SchedulerOnAks],
) -> None:
    aks = start()
    aks.until(Done)
    aks.write_by_hand("gpu", powerState={"code": "Stopped"})
    aks.world.now = MORNING
    outcome = aks.until(Stalled)
    assert "pool/gpu was stopped by hand: start it (az aks nodepool start)" in outcome.why
    for _ in range(12):
        aks.tick()
        aks.settle()
    assert (aks.size("dev"), aks.size("gpu"), aks.nodes("dev")) == (
        AWAKE["dev"],
        ASLEEP["gpu"],
        [True, True],
    )
    aks.write_by_hand("gpu", powerState={"code": "Running"})
    aks.until(Done)
    assert states(aks) == AWAKE


def test_a_pool_of_virtual_machines_is_never_written(start: Callable[..., SchedulerOnAks]) -> None:
    aks = start(virtual_machines=(ManualScale(size="Standard_D2s_v3", count=2),))
    before = dict(aks.arm.pools["gpu"])
    outcome = aks.tick()
    assert isinstance(outcome, Stalled)
    assert "pool/gpu is of type VirtualMachines, and has no count" in outcome.why
    assert (aks.arm.pools["gpu"], aks.size("dev")) == (before, AWAKE["dev"])


def test_an_autoscaler_that_changes_the_count_before_the_put_is_a_conflict(
    start: Callable[..., SchedulerOnAks],
) -> None:
    aks = start()
    aks.arm.before_put = lambda: aks.arm.pools["dev"].update(count=3)
    report = aks.reconciler().reconcile("dev")
    assert [each.error.code for each in report.results if each.error] == ["conflict"]
    assert isinstance(report.outcome, Waiting)
    aks.until(Done)
    assert aks.size("dev")[2] == {"coppice-before-sleep": "count=3,min=1,max=3"}
