"""The nodes of agent pools, look by look, on the emulator of Kubernetes."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ResourceExistsError

from devtools.cluster.nodes import node
from devtools.cluster.waiting import wait_for
from devtools.demo.processes import write_kubeconfig
from devtools.emulators.arm.nodes import DRAINING, keeping_nodes, sync_nodes
from devtools.emulators.arm.world import ManualScale, Pool, properties
from tests.integration.devtools.arm.nodes import (
    NODES,
    PODS,
    Cluster,
    change,
    machine,
    merge,
    provisioning,
    waits,
)


def test_each_pool_gets_the_nodes_that_it_counts(kept: Any, cluster: Cluster) -> None:
    counts = {pool: len(cluster.nodes(pool)) for pool in ("system", "dev", "staging", "prod")}
    assert counts == {"system": 1, "dev": 2, "staging": 1, "prod": 3}
    labels = cluster.nodes("dev")[machine("dev", 0)]["metadata"]["labels"]
    assert labels["agentpool"] == labels["kubernetes.azure.com/agentpool"] == labels["pool"] == "dev"
    assert labels["kubernetes.azure.com/mode"] == "user"
    assert labels["kubernetes.io/os"] == "linux"


def test_a_pool_that_grows_is_updating_until_its_nodes_are_ready(kept: Any, cluster: Cluster) -> None:
    operation = change(kept, "prod", count=4)
    assert provisioning(kept, "prod") == "Updating"  # before the cluster was looked at
    sync_nodes(kept.state, cluster.api)
    sync_nodes(kept.state, cluster.api)
    assert waits(kept) == {"prod": f"{machine('prod', 3)} is not ready yet"}
    assert httpx.get(operation).json()["status"] == "InProgress"
    with pytest.raises(ResourceExistsError, match="Another agentpool operation"):
        change(kept, "staging", tags={"owner": "us"})

    kept.clock.now += 60
    cluster.make_ready()
    sync_nodes(kept.state, cluster.api)

    assert provisioning(kept, "prod") == "Succeeded"
    ended = httpx.get(operation).json()
    assert ended["status"] == "Succeeded"
    assert ended["endTime"] > ended["startTime"]


def test_a_node_is_cordoned_then_emptied_then_removed(kept: Any, cluster: Cluster) -> None:
    last, kubelet = machine("prod", 2), "kubernetes.io/config.mirror"
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "1", "controller": True}
    cluster.add_pod("web", last)
    cluster.add_pod("agent", last, ownerReferences=[owner])
    cluster.add_pod("proxy", last, annotations={kubelet: "1"})
    cluster.add_pod("elsewhere", machine("prod", 1))
    change(kept, "prod", count=2)

    sync_nodes(kept.state, cluster.api)
    assert cluster.nodes("prod")[last]["spec"]["unschedulable"]
    assert cluster.evictions == []

    sync_nodes(kept.state, cluster.api)
    assert cluster.evictions == ["web"]
    assert provisioning(kept, "prod") == "Updating"

    sync_nodes(kept.state, cluster.api)
    assert list(cluster.nodes("prod")) == [machine("prod", 0), machine("prod", 1)]
    assert cluster.pods() == {"elsewhere"}  # those of the node went with it
    assert cluster.evictions == ["web"]
    assert provisioning(kept, "prod") == "Succeeded"


def test_a_pod_that_may_not_be_evicted_holds_the_drain_and_no_other_pod(kept: Any, cluster: Cluster) -> None:
    last = machine("prod", 2)
    cluster.protected.add("database")
    cluster.add_pod("database", last)
    cluster.add_pod("web", last)
    change(kept, "prod", count=2)
    for _ in range(4):
        sync_nodes(kept.state, cluster.api)

    assert cluster.pods() == {"database"}
    assert provisioning(kept, "prod") == "Updating"
    assert "disruption budget" in waits(kept)["prod"]
    assert last in waits(kept)["prod"]

    cluster.protected.clear()
    for _ in range(2):
        sync_nodes(kept.state, cluster.api)
    assert last not in cluster.nodes("prod")
    assert provisioning(kept, "prod") == "Succeeded"


def test_a_pod_that_is_going_is_waited_for_and_not_evicted_again(kept: Any, cluster: Cluster) -> None:
    cluster.add_pod("slow", machine("staging", 0), finalizers=["example.com/slow"])
    change(kept, "staging", enable_auto_scaling=False, min_count=None, max_count=None)
    sync_nodes(kept.state, cluster.api)
    change(kept, "staging", count=0)
    for _ in range(4):
        sync_nodes(kept.state, cluster.api)
    assert cluster.evictions == ["slow"]
    assert waits(kept) == {"staging": f"{machine('staging', 0)}: pod default/slow is going"}

    merge(cluster.http, f"{PODS}/slow", {"metadata": {"finalizers": None}})
    sync_nodes(kept.state, cluster.api)
    assert provisioning(kept, "staging") == "Succeeded"


def test_an_operation_goes_on_while_the_cluster_fails_and_the_state_tells_why(
    kept: Any, cluster: Cluster
) -> None:
    change(kept, "prod", count=0)
    cluster.fail(status=503, path_prefix=NODES, method="GET", retry_after=1)
    sync_nodes(kept.state, cluster.api)
    assert "GET /api/v1/nodes" in waits(kept)["prod"]
    assert provisioning(kept, "prod") == "Updating"

    for _ in range(3):
        sync_nodes(kept.state, cluster.api)
    assert waits(kept) == {}
    assert provisioning(kept, "prod") == "Succeeded"


def test_an_operation_that_is_over_stays_over_when_the_cluster_fails_later(
    kept: Any, cluster: Cluster
) -> None:
    operation = change(kept, "prod", tags={"owner": "us"})
    sync_nodes(kept.state, cluster.api)
    cluster.fail(status=503, path_prefix=NODES, method="GET", retry_after=1)
    sync_nodes(kept.state, cluster.api)
    ended = httpx.get(operation).json()
    assert ended["status"] == "Succeeded"
    assert "prod" in waits(kept)
    assert provisioning(kept, "prod") == "Succeeded"

    kept.clock.now += 60
    sync_nodes(kept.state, cluster.api)
    assert httpx.get(operation).json() == ended
    change(kept, "staging", tags={"owner": "us"})


def test_what_fails_in_one_pool_stops_no_other(arm: Any, cluster: Cluster) -> None:
    cluster.fail(status=403, path_prefix=NODES, method="POST", times=1)
    sync_nodes(arm.state, cluster.api)
    assert cluster.nodes("system") == {}
    assert len(cluster.nodes("prod")) == 3
    assert "POST /api/v1/nodes" in waits(arm)["system"]

    sync_nodes(arm.state, cluster.api)
    assert len(cluster.nodes("system")) == 1


def test_what_was_seen_before_a_change_does_not_end_it(kept: Any) -> None:
    before = kept.state.pools["prod"]["eTag"]
    change(kept, "prod", count=0)
    kept.state.report_nodes("prod", as_of=before, waits_for="")
    assert provisioning(kept, "prod") == "Updating"


def test_nodes_that_stand_are_adopted_and_surplus_ones_drained(arm: Any, cluster: Cluster) -> None:
    for number in (1, 5, 6, 7):
        cluster.http.post(NODES, json=node("prod", number)).raise_for_status()
    uid = cluster.nodes("prod")[machine("prod", 1)]["metadata"]["uid"]
    for _ in range(3):
        sync_nodes(arm.state, cluster.api)
    assert list(cluster.nodes("prod")) == [machine("prod", number) for number in (1, 5, 6)]
    assert cluster.nodes("prod")[machine("prod", 1)]["metadata"]["uid"] == uid
    assert list(cluster.nodes("dev")) == [machine("dev", number) for number in (0, 1)]


def test_a_gap_in_the_numbers_is_filled(kept: Any, cluster: Cluster) -> None:
    cluster.http.delete(f"{NODES}/{machine('prod', 1)}").raise_for_status()
    sync_nodes(kept.state, cluster.api)
    assert list(cluster.nodes("prod")) == [machine("prod", number) for number in (0, 1, 2)]


def test_the_node_whose_drain_began_is_the_one_that_goes(kept: Any, cluster: Cluster) -> None:
    begun = {"metadata": {"annotations": {DRAINING: "true"}}, "spec": {"unschedulable": True}}
    merge(cluster.http, f"{NODES}/{machine('prod', 0)}", begun)
    kept.state.pools["prod"]["count"] = 2
    sync_nodes(kept.state, cluster.api)
    assert list(cluster.nodes("prod")) == [machine("prod", 1), machine("prod", 2)]


def test_our_cordon_is_taken_off_a_node_that_stays_and_nobody_elses(kept: Any, cluster: Cluster) -> None:
    ours, theirs = machine("prod", 0), machine("prod", 1)
    begun = {"metadata": {"annotations": {DRAINING: "true"}}, "spec": {"unschedulable": True}}
    merge(cluster.http, f"{NODES}/{ours}", begun)
    merge(cluster.http, f"{NODES}/{theirs}", {"spec": {"unschedulable": True}})
    sync_nodes(kept.state, cluster.api)
    standing = cluster.nodes("prod")
    assert not standing[ours].get("spec", {}).get("unschedulable")
    assert DRAINING not in standing[ours]["metadata"].get("annotations", {})
    assert standing[theirs]["spec"]["unschedulable"]


def test_labels_follow_the_pool(kept: Any, cluster: Cluster) -> None:
    change(kept, "prod", mode="System", node_labels={"pool": "prod", "tier": "gold"})
    sync_nodes(kept.state, cluster.api)
    for name, standing in cluster.nodes("prod").items():
        labels = standing["metadata"]["labels"]
        assert (labels["kubernetes.azure.com/mode"], labels["tier"]) == ("system", "gold")
        assert labels["kubernetes.io/hostname"] == name


def test_nodes_of_another_pool_are_left_alone(arm: Any, cluster: Cluster) -> None:
    foreign = node("apps", 0)
    cluster.http.post(NODES, json=foreign).raise_for_status()
    for _ in range(3):
        sync_nodes(arm.state, cluster.api)
    (standing,) = cluster.nodes("apps").values()
    assert standing["metadata"]["labels"] == foreign["metadata"]["labels"]
    assert "unschedulable" not in standing.get("spec", {})


def test_a_real_machine_is_never_drained(kept: Any, cluster: Cluster) -> None:
    real = machine("prod", 2)
    merge(cluster.http, f"{NODES}/{real}", {"spec": {"providerID": "azure:///subscriptions/x"}})
    change(kept, "prod", count=0)
    for _ in range(3):
        sync_nodes(kept.state, cluster.api)
    assert len(cluster.nodes("prod")) == 3
    assert real in waits(kept)["prod"]
    assert provisioning(kept, "prod") == "Updating"


def test_nodes_are_kept_without_anyone_asking_and_the_keeper_ends(arm: Any, cluster: Cluster) -> None:
    before = set(threading.enumerate())
    with keeping_nodes(arm.state, cluster.api):
        assert len(cluster.nodes("prod")) == 3
        cluster.http.delete(f"{NODES}/{machine('prod', 0)}").raise_for_status()
        wait_for("the node to be back", lambda: len(cluster.nodes("prod")) == 3)
        change(arm, "prod", count=4)
        wait_for("the new node", lambda: len(cluster.nodes("prod")) == 4)
        assert provisioning(arm, "prod") == "Updating"  # nobody makes it ready here
        (keeper,) = [each for each in set(threading.enumerate()) - before if each.name == "nodes"]
    assert not keeper.is_alive()


def readiness(cluster: Cluster, pool: str) -> dict[str, str]:
    """Each node's Ready condition."""
    return {
        name: next(
            (one["status"] for one in each["status"].get("conditions", ()) if one["type"] == "Ready"), ""
        )
        for name, each in cluster.nodes(pool).items()
    }


def test_a_machine_that_is_deallocated_stays_a_node_and_is_the_first_to_start(
    kept: Any, cluster: Cluster
) -> None:
    """https://learn.microsoft.com/azure/aks/scale-down-mode."""
    last = machine("prod", 2)
    cluster.add_pod("web", last)
    kept.state.pools["prod"]["scaleDownMode"] = "Deallocate"
    change(kept, "prod", count=2)
    for _ in range(4):
        sync_nodes(kept.state, cluster.api)
    assert provisioning(kept, "prod") == "Succeeded"
    assert readiness(cluster, "prod") == {
        machine("prod", 0): "True",
        machine("prod", 1): "True",
        last: "Unknown",
    }
    assert cluster.pods() == set()

    change(kept, "prod", count=4)
    sync_nodes(kept.state, cluster.api)
    assert f"{last} is starting" in waits(kept)["prod"]
    assert len(cluster.nodes("prod")) == 4
    assert not cluster.nodes("prod")[last]["spec"].get("unschedulable")
    sync_nodes(kept.state, cluster.api)
    assert readiness(cluster, "prod")[last] == ""
    assert provisioning(kept, "prod") == "Updating"
    cluster.make_ready()
    sync_nodes(kept.state, cluster.api)
    assert provisioning(kept, "prod") == "Succeeded"


def test_machines_that_were_deallocated_go_when_the_pool_is_to_delete_them(
    kept: Any, cluster: Cluster
) -> None:
    kept.state.pools["prod"]["scaleDownMode"] = "Deallocate"
    change(kept, "prod", count=0)
    for _ in range(4):
        sync_nodes(kept.state, cluster.api)
    assert len(cluster.nodes("prod")) == 3
    change(kept, "prod", scale_down_mode="Delete")
    sync_nodes(kept.state, cluster.api)
    assert cluster.nodes("prod") == {}


@pytest.mark.parametrize("mode", ["Delete", "Deallocate"])
def test_a_pool_that_is_stopped_has_no_nodes_whatever_its_count(
    kept: Any, cluster: Cluster, mode: str
) -> None:
    kept.state.pools["prod"]["scaleDownMode"] = mode
    change(kept, "prod", power_state={"code": "Stopped"})
    for _ in range(4):
        sync_nodes(kept.state, cluster.api)
    assert cluster.nodes("prod") == {}
    assert provisioning(kept, "prod") == "Succeeded"
    change(kept, "prod", power_state={"code": "Running"})
    sync_nodes(kept.state, cluster.api)
    assert len(cluster.nodes("prod")) == 3


def test_a_pool_of_virtual_machines_has_the_nodes_of_all_its_sizes(arm: Any, cluster: Cluster) -> None:
    scales = (ManualScale(size="Standard_D2s_v3", count=2), ManualScale(size="Standard_D4s_v3", count=1))
    arm.state.pools["vms"] = properties(Pool(name="vms", mode="User", virtual_machines=scales))
    sync_nodes(arm.state, cluster.api)
    assert len(cluster.nodes("vms")) == 3


def test_without_a_cluster_a_change_waits_for_no_nodes(arm: Any) -> None:
    change(arm, "prod", count=0)
    assert provisioning(arm, "prod") == "Succeeded"


def test_a_process_of_its_own_keeps_nodes_in_the_cluster_that_it_is_given(
    cluster: Cluster, tmp_path: Path
) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", str(cluster.http.base_url).rstrip("/"))
    command = [sys.executable, "-m", "devtools.emulators.arm", "--kubeconfig", str(kubeconfig)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert len(cluster.nodes("prod")) == 3
        told = httpx.get(f"{ready['url']}/_emulator/state").json()["nodes_wait_for"]
        process.terminate()
    assert "is not ready yet" in told["prod"]


def test_a_kubeconfig_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "devtools.emulators.arm", "--kubeconfig", str(tmp_path / "missing")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith("arm: ")
    assert "missing" in ended.stderr
    assert "Traceback" not in ended.stderr
