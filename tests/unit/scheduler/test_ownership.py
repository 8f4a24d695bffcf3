from dataclasses import replace

import pytest

from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Present, Unknown, present
from coppice.reconciler.plan import Blocked, Plan, Wait, wave
from scheduler.barriers import OPERATION
from scheduler.ledger import Ledger, WriteLedger
from scheduler.loading import load
from scheduler.nodes import Node, Pod, Requirement, Taint, Toleration
from scheduler.ownership import enforce_orphan_ownership, enforce_ownership, why_not_allowed
from scheduler.pools import Pool, PutPool, Reshape, Shape
from tests.unit.scheduler.world import SCHEDULE, World

POOL = World().pools["dev"]


@pytest.mark.parametrize(
    ("pool", "why"),
    [
        (POOL, ""),
        (replace(POOL, mode="System"), "its mode is System: only User pools sleep"),
        (replace(POOL, mode="user"), "its mode is user: only User pools sleep"),
        (replace(POOL, name="prod"), "the schedule does not name it as a pool of dev"),
        (replace(POOL, name="de"), "the schedule does not name it as a pool of dev"),
        (replace(POOL, name="DEV"), "the schedule does not name it as a pool of dev"),
    ],
)
def test_a_pool_is_written_only_if_name_and_mode_allow_it(pool: object, why: str) -> None:
    observed = World().reconciler().observe("dev")
    assert isinstance(pool, type(POOL))
    assert why_not_allowed(pool, observed, load(SCHEDULE)) == why


def test_a_protected_pool_is_not_written_even_if_an_environment_names_it() -> None:
    schedule = load(SCHEDULE).model_copy(update={"protected_pools": ("dev",)})
    assert why_not_allowed(POOL, World().reconciler().observe("dev"), schedule) == "it is in protected_pools"


@pytest.mark.parametrize("reading", ["nodes", "on_pools"])
def test_a_pool_is_not_written_while_its_pods_are_unknown(reading: str) -> None:
    observed = World().reconciler().observe("dev")
    unknown = replace(observed, **{reading: Unknown(Unreachable("no answer"))})  # type: ignore[arg-type]  # either of two
    assert "hands off" in why_not_allowed(POOL, unknown, load(SCHEDULE))


def a_pod(namespace: str = "billing", **more: object) -> Pod:
    return replace(Pod(namespace=namespace, name="p", node="dev-0"), **more)  # type: ignore[arg-type]


NEEDS_DEV = ((Requirement("agentpool", "In", ("dev",)),),)
NEEDS_LINUX = ((Requirement("kubernetes.io/os", "In", ("linux",)),), (Requirement("agentpool", "Exists"),))


@pytest.mark.parametrize(
    ("pod", "foreign"),
    [
        (a_pod(), True),
        (a_pod(phase="Pending"), True),
        (a_pod(phase="Unknown"), True),
        (a_pod(phase="Succeeded"), False),
        (a_pod(phase="Failed"), False),
        (a_pod(node_bound=True), False),
        (a_pod(node="prod-0"), False),
        (a_pod("ameide-dev"), False),
        (a_pod("ameide-dev-2"), True),
        (a_pod("cnpg-system"), False),
        (a_pod("cnpg-system-2"), True),
        (a_pod("kube-system"), False),
        (a_pod("kube-system", node_terms=NEEDS_DEV), True),
        (a_pod("kube-system", node_terms=NEEDS_LINUX), False),
    ],
)
def test_a_foreign_pod_keeps_a_pool(pod: Pod, foreign: bool) -> None:
    world = World()
    world.pods.append(pod)
    assert bool(why_not_allowed(POOL, world.reconciler().observe("dev"), load(SCHEDULE))) is foreign


@pytest.mark.parametrize(
    ("change", "movable"),
    [
        ({}, True),
        ({"ready": False}, False),
        ({"pool": "gpu"}, False),  # asleep too
        ({"pool": ""}, False),
        ({"taints": (Taint("CriticalAddonsOnly", "true", "NoSchedule"),)}, True),
        ({"taints": (Taint("gpu", "true", "NoSchedule"),)}, False),
        ({"taints": (Taint("gpu", "true", "PreferNoSchedule"),)}, True),
    ],
)
def test_a_kube_system_pod_that_another_pool_can_take_keeps_no_pool(
    change: dict[str, object], movable: bool
) -> None:
    world = World()
    for name in ("system", "prod"):
        world.nodes[name] = 0
    tolerations = (Toleration("CriticalAddonsOnly", "Exists"),)
    world.pods.append(a_pod("kube-system", tolerations=tolerations))
    observed = world.reconciler().observe("dev")
    other = replace(Node(name="other", pool="system", ready=True), **change)  # type: ignore[arg-type]
    with_other_pool = replace(observed, nodes=Present((*(present(observed.nodes) or ()), other)))
    assert (why_not_allowed(POOL, with_other_pool, load(SCHEDULE)) == "") is movable


def test_a_suppressed_change_takes_its_wait_and_later_claims_with_it() -> None:
    world = World()
    world.pods.append(a_pod())
    observed = world.reconciler().observe("dev")
    ledger = Ledger(environment="dev")
    begins = WriteLedger(ledger=ledger.begin("down", world.now), what="begins")
    claims = WriteLedger(ledger=ledger.mark_asleep(world.now, {}), what="asleep")
    barriers = Wait("read back", OPERATION, 1), Wait("pods", "pods", 1), Blocked("x", "x")
    gpu = Reshape(pool=world.pools["gpu"], shape=Shape(0, None))
    plan = Plan(
        (*wave(begins), *wave(Reshape(pool=POOL, shape=Shape(0, None))), *barriers, *wave(gpu), *wave(claims))
    )
    found = enforce_ownership(plan, observed, load(SCHEDULE))
    assert found.items[:3] == (*wave(begins), *barriers[1:])
    assert [type(change) for change in found.changes] == [WriteLedger, PutPool]
    assert [str(each.change) for each in found.suppressed] == [
        "change pool/dev (autoscaler off, count 2 to 0)",
        "note ledger/dev (asleep)",
    ]


@pytest.mark.parametrize(
    ("pool", "count", "why"),
    [
        (replace(POOL, mode="System"), 2, "its mode is System: only User pools are woken"),
        (replace(POOL, shape=Shape(0, None, "spoilt")), 2, "its tag 'spoilt' does not say what it was"),
        (replace(POOL, shape=Shape(3, None, "count=2")), 2, "it would lose nodes"),
    ],
)
def test_a_suppressed_orphan_is_reported_with_its_reason(pool: Pool, count: int, why: str) -> None:
    step = Reshape(pool=pool, shape=Shape(count, None))
    allowed, suppressed = enforce_orphan_ownership([step], load(SCHEDULE))
    assert (allowed, [each.why for each in suppressed]) == ([], [why])
