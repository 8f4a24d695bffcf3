"""Why workloads are not up: object, reason and the last message."""

from typing import Any

import pytest

from adapters.kubernetes.application_reader import ApplicationReaderAdapter
from adapters.kubernetes.application_writer import ApplicationWriterAdapter
from adapters.kubernetes.workload_failures import of_events, of_pod
from coppice.components.rollout import Workload
from coppice.environment.references import ObjectRef
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.worlds import Cluster
from tests.support import manifests

SHIPPED_LIMITS = {"type": "Container", "default": {"cpu": "200m"}, "min": {"cpu": "5m"}}


@pytest.fixture
def fenced(cluster: Cluster) -> str:
    cluster.namespace("x")
    limits = {"metadata": {"name": "limits"}, "spec": {"limits": [SHIPPED_LIMITS]}}
    cluster.made("/api/v1/namespaces/x/limitranges", limits)
    quota = {"metadata": {"name": "quota"}, "spec": {"hard": {"pods": "1"}}}
    cluster.made("/api/v1/namespaces/x/resourcequotas", quota)
    return "x"


def workload(kind: str, name: str, replicas: int = 1, **resources: Any) -> dict[str, Any]:
    container = {"name": "web", "image": "web", "resources": {"requests": resources}}
    return manifests.workload(kind, name, container, replicas=replicas)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (workload("Deployment", "web", cpu="250m"), "Deployment/web: FailedCreate: Pod "),
        (workload("Deployment", "web", cpu="250m"), "less than or equal to cpu limit of 200m"),
        (workload("Deployment", "web", cpu="1m"), "minimum cpu usage per Container is 5m"),
        (
            workload("Deployment", "web", 2),
            "exceeded quota: quota, requested: pods=1, used: pods=1, limited: pods=1",
        ),
        (workload("StatefulSet", "db", cpu="1m"), "StatefulSet/db: FailedCreate: Create Pod db-0"),
    ],
)
def test_pods_that_are_not_created_are_told_with_object_reason_and_message(
    cluster: Cluster,
    reader: ApplicationReaderAdapter,
    writer: ApplicationWriterAdapter,
    fenced: str,
    manifest: dict[str, Any],
    said: str,
) -> None:
    writer.apply(fenced, manifest)
    cluster.clock.go_on(60)
    assert said in reader.rollout(fenced).why


def test_a_pod_that_no_node_takes_says_so(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter
) -> None:
    cluster.namespace("x")
    cluster.made("/api/v1/nodes", {"metadata": {"name": "one"}})
    manifest = workload("Deployment", "web")
    manifest["spec"]["template"]["spec"]["nodeSelector"] = {"pool": "none"}
    writer.apply("x", manifest)
    cluster.clock.go_on(60)
    assert ": Unschedulable: 0/1 nodes are available." in reader.rollout("x").why


def test_a_container_that_crashes_is_told_with_how_it_ended() -> None:
    pod = {
        "metadata": {"name": "web-1"},
        "status": {
            "containerStatuses": [
                {
                    "name": "web",
                    "image": "web:1",
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
                    "lastState": {
                        "terminated": {"reason": "OOMKilled", "exitCode": 137, "message": "out\nof"}
                    },
                }
            ]
        },
    }
    (trouble,) = of_pod(pod)
    assert str(trouble) == (
        "Pod/web-1: CrashLoopBackOff: container web of web:1; back-off 5m0s; "
        "it ended as OOMKilled, exit code 137; out of"
    )


def web(**counts: int) -> Workload:
    ref = ObjectRef("apps/v1", "Deployment", "web")
    given = {"generation": 1, "observed_generation": 1, "desired": 1, "updated": 1, "available": 0, **counts}
    return Workload(ref=ref, **given)


def event(kind: str, name: str, message: str, *, at: int = 1, reason: str = "FailedMount") -> dict[str, Any]:
    about = {"kind": kind, "name": name}
    when = f"2026-01-01T00:00:{at:02}Z"
    return {"involvedObject": about, "reason": reason, "message": message, "lastTimestamp": when}


def test_the_last_event_of_each_object_and_reason_counts_and_none_about_what_is_gone() -> None:
    events = [
        event("Pod", "web-1", "late", at=9),
        event("Pod", "web-1", "early", at=3),
        event("Pod", "web-0", "of a pod that is gone", at=11),
        event("Pod", "other-1", "of another workload"),
        event("ReplicaSet", "web-abc", "not created", at=5, reason="FailedCreate"),
        event("PersistentVolumeClaim", "data-web-0", "no class", at=4, reason="ProvisioningFailed"),
    ]
    pods = [{"metadata": {"name": "web-1"}}, {"metadata": {"name": "other-1"}}]
    assert [str(each) for each in of_events(events, [web()], pods)] == [
        "Pod/web-1: FailedMount: late",
        "ReplicaSet/web-abc: FailedCreate: not created",
        "PersistentVolumeClaim/data-web-0: ProvisioningFailed: no class",
    ]


def test_events_that_may_not_be_read_hide_nothing_else_and_are_told(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, fenced: str
) -> None:
    writer.apply(fenced, workload("StatefulSet", "db", cpu="1m"))
    cluster.clock.go_on(60)
    cluster.emulator.fail(Fail(status=403, path_prefix="/api/v1/namespaces/x/events"))
    why = reader.rollout(fenced).why
    assert why.startswith("StatefulSet/db 0/1; events of x: forbidden")
    assert "deploy/cluster" in why


def test_events_are_read_only_while_a_workload_is_down_for_no_reason_that_it_says(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, fenced: str
) -> None:
    writer.apply(fenced, workload("Deployment", "web"))
    cluster.clock.go_on(60)
    assert reader.rollout(fenced).ready
    writer.apply(fenced, workload("Deployment", "more", cpu="1m"))
    reader.rollout(fenced)
    assert not [one for one in cluster.asked("GET") if "/events" in str(one)]
