"""The rules of the cluster and its agent pools, through the real SDK."""

from typing import Any

import httpx
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError
from azure.mgmt.containerservice.models import PowerState

from devtools.emulators.arm.world import ManualScale, Pool, properties

CLUSTER = ("rg-coppice", "aks-coppice")


def code(error: Any) -> str:
    return str(error.error.code)


def get(arm: Any, name: str) -> Any:
    return arm.aks.agent_pools.get(*CLUSTER, name)


def put(arm: Any, pool: Any) -> Any:
    """Change a pool, and do not wait for it."""
    return arm.aks.agent_pools.begin_create_or_update(
        *CLUSTER,
        pool.name,
        pool,
        etag=pool.e_tag,
        match_condition=MatchConditions.IfNotModified,
        polling=False,
    )


def change(arm: Any, name: str, **changes: object) -> Any:
    pool = get(arm, name)
    for field, value in changes.items():
        setattr(pool, field, value)
    return put(arm, pool)


def refused(arm: Any, name: str, **changes: object) -> HttpResponseError:
    before = get(arm, name)
    with pytest.raises(HttpResponseError) as refusal:
        change(arm, name, **changes)
    assert refusal.value.status_code == 400
    assert get(arm, name).as_dict() == before.as_dict()
    return refusal.value


def test_the_cluster_tells_its_issuer_its_address_and_its_pools(arm: Any) -> None:
    cluster = arm.aks.managed_clusters.get(*CLUSTER)
    assert cluster.oidc_issuer_profile.issuer_url == arm.state.world.cluster.issuer_url
    assert cluster.fqdn == arm.state.world.cluster.fqdn
    profiles = [(pool.name, pool.mode, pool.count) for pool in cluster.agent_pool_profiles]
    assert profiles == [
        ("system", "System", 1),
        ("dev", "User", 2),
        ("staging", "User", 1),
        ("prod", "User", 3),
    ]


def test_writing_the_whole_cluster_is_refused_and_counted(arm: Any) -> None:
    cluster = arm.aks.managed_clusters.get(*CLUSTER)
    with pytest.raises(HttpResponseError) as refusal:
        arm.aks.managed_clusters.begin_create_or_update(*CLUSTER, cluster, polling=False)
    assert (refusal.value.status_code, arm.state.cluster_writes) == (405, 1)


def test_a_pool_goes_to_sleep_and_wakes_in_two_changes_each_way(arm: Any) -> None:
    change(arm, "dev", enable_auto_scaling=False, min_count=None, max_count=None)
    change(arm, "dev", count=0)
    asleep = get(arm, "dev")
    assert (asleep.count, asleep.enable_auto_scaling, asleep.min_count) == (0, False, None)
    change(arm, "dev", count=2)
    change(arm, "dev", enable_auto_scaling=True, min_count=1, max_count=3)
    awake = get(arm, "dev")
    assert (awake.count, awake.enable_auto_scaling, awake.min_count, awake.max_count) == (2, True, 1, 3)


def test_the_count_of_an_autoscaled_pool_cannot_be_set(arm: Any) -> None:
    assert "Cannot manually scale" in str(refused(arm, "dev", count=3))


def test_the_autoscaler_is_not_disabled_along_with_a_new_count(arm: Any) -> None:
    off = {"enable_auto_scaling": False, "min_count": None, "max_count": None}
    assert "disable cluster autoscaler" in str(refused(arm, "dev", count=0, **off))


def test_the_autoscaler_is_not_enabled_along_with_a_new_count(arm: Any) -> None:
    on = {"enable_auto_scaling": True, "min_count": 1, "max_count": 5}
    assert "enable cluster autoscaler" in str(refused(arm, "prod", count=1, **on))


@pytest.mark.parametrize("bounds", [(1, 3), (1, None), (None, 3)])
def test_bounds_are_unset_when_the_autoscaler_is_disabled(arm: Any, bounds: tuple[int, int]) -> None:
    refused(arm, "dev", enable_auto_scaling=False, min_count=bounds[0], max_count=bounds[1])


@pytest.mark.parametrize("bounds", [(None, None), (1, None), (None, 3), (4, 3), (-1, 3), (0, 0)])
def test_an_autoscaler_needs_both_bounds_in_order(arm: Any, bounds: tuple[int, int]) -> None:
    refused(arm, "dev", min_count=bounds[0], max_count=bounds[1])


def test_an_autoscaled_user_pool_may_have_a_minimum_of_zero_and_stays_as_large_as_it_is(arm: Any) -> None:
    change(arm, "dev", min_count=0)
    assert get(arm, "dev").count == 2


def test_a_system_pool_keeps_a_node(arm: Any) -> None:
    assert code(refused(arm, "system", count=0)) == "InvalidParameter"
    refused(arm, "system", enable_auto_scaling=True, min_count=0, max_count=3)
    refused(arm, "system", mode="User", count=0)
    change(arm, "prod", count=0)


def test_one_operation_at_a_time_in_a_cluster(arm: Any) -> None:
    arm.state.operation_seconds = 60.0
    change(arm, "prod", count=0)
    with pytest.raises(ResourceExistsError, match=r"Another .* operation .* is in progress") as refusal:
        change(arm, "staging", tags={"owner": "us"})
    assert code(refusal.value) == "OperationNotAllowed"
    arm.clock.now += 60
    change(arm, "staging", tags={"owner": "us"})


@pytest.mark.parametrize("ending", ["Canceled", "Failed"])
def test_an_operation_can_end_otherwise_and_the_next_one_is_let_through(arm: Any, ending: str) -> None:
    """https://learn.microsoft.com/azure/aks/manage-abort-operations."""
    arm.state.endings = [ending]
    change(arm, "prod", count=0)
    assert get(arm, "prod").provisioning_state == ending
    change(arm, "prod", count=0)
    assert get(arm, "prod").provisioning_state == "Succeeded"


def test_a_pool_is_updating_until_its_operation_is_over(arm: Any) -> None:
    arm.state.operation_seconds = 60.0
    change(arm, "prod", count=0)
    assert get(arm, "prod").provisioning_state == "Updating"
    arm.clock.now += 60
    assert get(arm, "prod").provisioning_state == "Succeeded"
    change(arm, "prod", count=3)
    assert get(arm, "prod").provisioning_state == "Updating"


def test_a_change_leads_to_its_operation(arm: Any) -> None:
    arm.state.operation_seconds = 60.0
    answers: list[Any] = []
    pool = get(arm, "prod")
    arm.aks.agent_pools.begin_create_or_update(
        *CLUSTER,
        "prod",
        pool,
        polling=False,
        raw_response_hook=lambda answer: answers.append(answer.http_response),
    )
    headers = answers[0].headers
    assert headers["Retry-After"] == "60"
    assert httpx.get(headers["Azure-AsyncOperation"]).json()["status"] == "InProgress"
    arm.clock.now += 60
    assert httpx.get(headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"


def test_the_sdk_can_wait_for_a_change(arm: Any) -> None:
    pool = get(arm, "prod")
    pool.count = 0
    poller = arm.aks.agent_pools.begin_create_or_update(*CLUSTER, "prod", pool, polling_interval=0)
    assert poller.result().provisioning_state == "Succeeded"


def test_a_change_of_what_changed_meanwhile_is_refused(arm: Any) -> None:
    stale = get(arm, "prod")
    change(arm, "prod", count=2)
    with pytest.raises(ResourceModifiedError):
        put(arm, stale)


def test_what_a_put_leaves_out_is_unset(arm: Any) -> None:
    change(arm, "prod", tags={"coppice-count": "3"})
    assert get(arm, "prod").tags == {"coppice-count": "3"}
    change(arm, "prod", tags=None)
    assert get(arm, "prod").tags is None
    refused(arm, "prod", vm_size=None)
    refused(arm, "prod", count=None)


@pytest.mark.parametrize("tag", ["coppice.dev/count", "a?b", "x" * 513])
def test_a_tag_may_not_be_named_like_an_annotation(arm: Any, tag: str) -> None:
    assert code(refused(arm, "prod", tags={tag: "3"})) == "InvalidTagNameCharacters"


def test_a_pool_is_stopped_and_started_and_stays_stopped_whoever_else_writes_it(arm: Any) -> None:
    """https://learn.microsoft.com/azure/aks/start-stop-nodepools."""
    change(arm, "prod", power_state=PowerState(code="Stopped"))
    assert (get(arm, "prod").power_state.code, get(arm, "prod").count) == ("Stopped", 3)
    change(arm, "prod", tags={"owner": "us"})
    assert get(arm, "prod").power_state.code == "Stopped"
    refused(arm, "prod", count=0)
    change(arm, "prod", power_state=PowerState(code="Running"))
    change(arm, "prod", count=0)
    assert (get(arm, "prod").power_state.code, get(arm, "prod").count) == ("Running", 0)


def test_a_system_pool_and_one_that_failed_are_not_stopped(arm: Any) -> None:
    refused(arm, "system", power_state=PowerState(code="Stopped"))
    refused(arm, "prod", power_state=PowerState(code="Hibernated"))
    arm.state.endings = ["Failed"]
    change(arm, "prod", tags={"owner": "us"})
    refused(arm, "prod", power_state=PowerState(code="Stopped"))


@pytest.fixture
def machines(arm: Any) -> Any:
    """ARM with a pool of type VirtualMachines: https://learn.microsoft.com/azure/aks/virtual-machines-node-pools."""
    scales = (ManualScale(size="Standard_D2s_v3", count=2), ManualScale(size="Standard_D4s_v3", count=1))
    arm.state.pools["vms"] = properties(Pool(name="vms", mode="User", virtual_machines=scales))
    return arm


def test_a_pool_of_virtual_machines_has_no_count_but_one_for_each_size(machines: Any) -> None:
    pool = get(machines, "vms")
    assert (pool.type_properties_type, pool.count, pool.vm_size) == ("VirtualMachines", None, None)
    assert [(each.size, each.count) for each in pool.virtual_machines_profile.scale.manual] == [
        ("Standard_D2s_v3", 2),
        ("Standard_D4s_v3", 1),
    ]
    pool.virtual_machines_profile.scale.manual[0].count = 0
    put(machines, pool)
    assert [each.count for each in get(machines, "vms").virtual_machine_nodes_status] == [0, 1]
    change(machines, "vms", tags={"owner": "us"})


@pytest.mark.parametrize("changes", [{"count": 0}, {"min_count": 0}, {"virtual_machines_profile": None}])
def test_a_pool_of_virtual_machines_is_not_written_like_a_scale_set(machines: Any, changes: Any) -> None:
    refused(machines, "vms", **changes)


def test_a_pool_stays_of_its_type(machines: Any) -> None:
    refused(machines, "vms", type_properties_type="VirtualMachineScaleSets", count=1)
    refused(machines, "prod", type_properties_type="VirtualMachines")
