"""The objects of an environment: applied, looked at, suspended, deleted."""

from copy import deepcopy
from typing import Any

import pytest

from adapters.kubernetes.application_reader import ApplicationReaderAdapter
from adapters.kubernetes.application_writer import ApplicationWriterAdapter, CronJobSuspenderAdapter
from coppice.components.application import Live
from coppice.components.removal import Owned
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Conflict, Forbidden, Gone, NotSetUp, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.worlds import Cluster
from tests.support import manifests

SERVICE = ObjectRef("v1", "Service", "web")
SECRET = ObjectRef("v1", "Secret", "login")
THING = ObjectRef("example.com/v1", "Thing", "x")
MERGE = {"Content-Type": "application/merge-patch+json"}
CONTAINER = {"name": "web", "image": "registry.test/web:1"}
POD = {"containers": [CONTAINER]}


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    cluster.namespace("x")
    return "x"


def service(**ports: int) -> dict[str, Any]:
    listed = [{"name": name, "port": port} for name, port in ports.items()]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": listed}}


def secret(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": data}


def workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return manifests.workload(kind, name, CONTAINER, **spec)


def cron_job(name: str, **spec: Any) -> dict[str, Any]:
    job = {"spec": {"template": {"spec": {**POD, "restartPolicy": "Never"}}}}
    spec = {"schedule": "* * * * *", "jobTemplate": job, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


def route(name: str, *hosts: str) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {"hostnames": [*hosts]},
    }


def test_applying_twice_changes_nothing(
    reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    writer.apply(namespace, service(http=80))
    before = reader.live(namespace, [SERVICE])
    writer.apply(namespace, service(http=80))
    assert reader.live(namespace, [SERVICE]) == before
    assert before[0].ref == SERVICE


def test_applying_keeps_the_fields_of_others_and_removes_ours_that_left(
    cluster: Cluster, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    writer.apply(namespace, service(http=80, metrics=9100))
    theirs = {"metadata": {"annotations": {"theirs": "1"}}}
    cluster.http.patch("/api/v1/namespaces/x/services/web", json=theirs, headers=MERGE).raise_for_status()
    writer.apply(namespace, service(http=80))
    found = cluster.standing("/api/v1/namespaces/x/services/web")
    assert [port["name"] for port in found["spec"]["ports"]] == ["http"]
    assert found["metadata"]["annotations"] == {"theirs": "1"}


def test_what_the_overlay_sets_is_the_overlays_whoever_changed_it(
    cluster: Cluster, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    writer.apply(namespace, workload("Deployment", "web", replicas=1))
    scaled = {"spec": {"replicas": 5}}
    where = "/apis/apps/v1/namespaces/x/deployments/web"
    cluster.http.patch(where, json=scaled, headers=MERGE).raise_for_status()
    writer.apply(namespace, workload("Deployment", "web", replicas=1))
    assert cluster.standing(where)["spec"]["replicas"] == 1


def test_a_kind_that_the_cluster_does_not_know_is_not_applied(
    cluster: Cluster, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    manifest = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}
    with pytest.raises(NotSetUp, match="Thing"):
        writer.apply(namespace, manifest)
    assert cluster.asked("PATCH") == []


def test_applying_into_a_namespace_that_is_not_there_is_gone(writer: ApplicationWriterAdapter) -> None:
    with pytest.raises(Gone):
        writer.apply("nowhere", service(http=80))


def test_of_the_objects_asked_for_those_that_stand_are_told(
    reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "annotations": {"coppice.dev/template": "abc"}},
        "spec": {"template": {"spec": {**POD, "restartPolicy": "Never"}}},
    }
    writer.apply(namespace, service(http=80))
    writer.apply(namespace, job)
    refs = [SERVICE, ObjectRef("v1", "Service", "other"), THING, ObjectRef("batch/v1", "Job", "j")]
    found = reader.live(namespace, refs)
    assert [(each.ref.name, each.template, each.deleting) for each in found] == [
        ("web", "", False),
        ("j", "abc", False),
    ]


def test_an_object_that_is_on_its_way_out_says_so(
    cluster: Cluster, reader: ApplicationReaderAdapter, namespace: str
) -> None:
    held = {"metadata": {"name": "held", "finalizers": ["example.com/stays"]}}
    cluster.made("/api/v1/namespaces/x/configmaps", held)
    cluster.http.delete("/api/v1/namespaces/x/configmaps/held").raise_for_status()
    (found,) = reader.live(namespace, [ObjectRef("v1", "ConfigMap", "held")])
    assert found.deleting


def test_applying_to_an_object_that_is_on_its_way_out_is_a_conflict_though_the_server_takes_it(
    cluster: Cluster, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    finalizers = ["kubernetes.io/pvc-protection", "example.com/stays"]
    cluster.made("/api/v1/namespaces/x/configmaps", {"metadata": {"name": "held", "finalizers": finalizers}})
    cluster.http.delete("/api/v1/namespaces/x/configmaps/held").raise_for_status()
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held"}, "data": {"a": "1"}}

    with pytest.raises(Conflict) as refused:
        writer.apply(namespace, wanted)

    assert refused.value.message == (
        "ConfigMap/held is being deleted, held by kubernetes.io/pvc-protection (until no pod mounts it), "
        "example.com/stays"
    )
    assert refused.value.retry_after


def test_objects_that_cannot_be_read_are_not_absent(
    cluster: Cluster, reader: ApplicationReaderAdapter, namespace: str
) -> None:
    cluster.emulator.fail(Fail(status=403, path_prefix="/api/v1/namespaces/x/services"))
    with pytest.raises(Forbidden):
        reader.live(namespace, [SERVICE])


def read(reader: ApplicationReaderAdapter) -> Live:
    (found,) = reader.live("x", [SERVICE])
    return found


def test_an_object_is_deleted(
    reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    writer.apply(namespace, service(http=80))
    found = read(reader)
    writer.delete(namespace, Owned(found))
    writer.delete(namespace, Owned(found))
    assert reader.live(namespace, [SERVICE]) == ()


def test_an_object_made_anew_is_not_deleted(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    writer.apply(namespace, service(http=80))
    former = read(reader)
    cluster.http.delete("/api/v1/namespaces/x/services/web").raise_for_status()
    writer.apply(namespace, service(http=81))
    with pytest.raises(Conflict):
        writer.delete(namespace, Owned(former))
    assert read(reader).uid != former.uid


def test_cron_jobs_that_start_pods_are_told_and_can_be_suspended(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    for each in (cron_job("a"), cron_job("b", suspend=True), cron_job("c", suspend=False)):
        writer.apply(namespace, each)
    assert reader.cron_jobs(namespace) == ("a", "c")
    CronJobSuspenderAdapter(cluster.api).suspend(namespace, "a")
    assert reader.cron_jobs(namespace) == ("c",)


def test_a_cron_job_that_is_gone_needs_no_suspending(cluster: Cluster, namespace: str) -> None:
    CronJobSuspenderAdapter(cluster.api).suspend(namespace, "never")


def test_every_host_that_a_route_claims_is_told_with_its_namespace(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    cluster.namespace("y")
    writer.apply("x", route("a", "a.example.com", "b.example.com"))
    writer.apply("y", route("c", "c.example.com"))
    writer.apply("y", {**route("none"), "spec": {}})
    assert reader.hosts() == {"a.example.com": "x", "b.example.com": "x", "c.example.com": "y"}


def test_routes_that_cannot_be_read_claim_nothing_known(
    cluster: Cluster, reader: ApplicationReaderAdapter
) -> None:
    # Each kind of route has a list of its own, which is tried three times.
    cluster.emulator.fail(Fail(status=500, path_prefix="/apis/gateway.networking.k8s.io", times=6))
    with pytest.raises(Unreachable):
        reader.hosts()


def test_a_rollout_is_ready_once_every_replica_is_available(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    writer.apply(namespace, workload("Deployment", "web", replicas=2))
    writer.apply(namespace, workload("StatefulSet", "db", replicas=1, serviceName="db"))
    early = reader.rollout(namespace)
    assert not early.ready
    assert early.why.startswith("Deployment/web 0/2, StatefulSet/db 0/1")
    cluster.clock.go_on(5)
    late = reader.rollout(namespace)
    assert late.ready
    assert [(str(each.ref), each.desired, each.available) for each in late.workloads] == [
        ("Deployment/web", 2, 2),
        ("StatefulSet/db", 1, 1),
    ]


def test_a_rollout_of_nothing_is_ready(reader: ApplicationReaderAdapter, namespace: str) -> None:
    assert reader.rollout(namespace).ready


def test_a_workload_whose_former_pods_still_run_is_not_ready(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    writer.apply(namespace, workload("Deployment", "web", replicas=1))
    cluster.clock.go_on(5)
    assert reader.rollout(namespace).ready
    changed = workload("Deployment", "web", replicas=1)
    changed["spec"]["template"]["metadata"]["annotations"] = {"coppice.dev/revision": "2"}
    writer.apply(namespace, changed)
    assert reader.rollout(namespace).why.startswith("Deployment/web 0/1")
    cluster.clock.go_on(5)
    assert reader.rollout(namespace).ready


def stateful(strategy: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return workload("StatefulSet", "db", serviceName="db", updateStrategy=strategy, **spec)


def changed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The same with another template."""
    changed = deepcopy(manifest)
    changed["spec"]["template"]["metadata"]["annotations"] = {"coppice.dev/revision": "2"}
    return changed


@pytest.mark.parametrize(
    ("strategy", "replicas"),
    [
        ({"type": "OnDelete"}, 2),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}, 3),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 7}}, 2),
    ],
    ids=["on delete", "a partition", "a partition of all"],
)
def test_a_stateful_set_is_ready_though_pods_stay_that_it_lets_stay(
    cluster: Cluster,
    reader: ApplicationReaderAdapter,
    writer: ApplicationWriterAdapter,
    namespace: str,
    strategy: dict[str, Any],
    replicas: int,
) -> None:
    first = stateful(strategy, replicas=replicas)
    writer.apply(namespace, first)
    assert not reader.rollout(namespace).ready
    cluster.clock.go_on(5)
    assert reader.rollout(namespace).ready

    writer.apply(namespace, changed(first))
    cluster.clock.go_on(5)
    assert reader.rollout(namespace).ready


def test_of_a_stateful_set_the_pods_that_a_partition_lets_go_have_to_be_new(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    first = stateful({"rollingUpdate": {"partition": 1}}, replicas=3)
    writer.apply(namespace, first)
    cluster.clock.go_on(5)
    writer.apply(namespace, changed(first))

    assert reader.rollout(namespace).why.startswith("StatefulSet/db 1/3")
    cluster.clock.go_on(5)
    assert reader.rollout(namespace).ready


def test_a_pod_that_cannot_pull_its_image_is_told_with_the_image(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter, namespace: str
) -> None:
    unpullable = {"unpullable_images": ["registry.test/*"]}
    cluster.http.post("/_emulator/player", json=unpullable).raise_for_status()
    writer.apply(namespace, workload("StatefulSet", "db", replicas=1, serviceName="db"))
    cluster.clock.go_on(60)
    found = reader.rollout(namespace)
    (trouble,) = found.troubles
    assert trouble.reason in {"ErrImagePull", "ImagePullBackOff"}
    assert trouble.what == "Pod/db-0"
    assert "registry.test/web:1" in found.why


def test_a_rollout_takes_two_lists_and_the_pods_where_a_workload_is_not_ready(
    cluster: Cluster,
    reader: ApplicationReaderAdapter,
    writer: ApplicationWriterAdapter,
    namespace: str,
) -> None:
    reader.rollout(namespace)
    assert len(cluster.asked("GET")) == 2
    writer.apply(namespace, workload("Deployment", "web", replicas=2))
    before = len(cluster.asked("GET"))
    reader.rollout(namespace)
    assert f"GET /api/v1/namespaces/{namespace}/pods" in cluster.asked("GET")[before:]


@pytest.mark.parametrize(
    ("ref", "method"), [(SERVICE, "GET"), (SECRET, "PATCH")], ids=["an object", "a Secret"]
)
def test_an_object_is_gone_only_if_that_is_said_twice(
    reader: ApplicationReaderAdapter,
    writer: ApplicationWriterAdapter,
    cluster: Cluster,
    namespace: str,
    ref: ObjectRef,
    method: str,
) -> None:
    writer.apply(namespace, service(http=80))
    writer.apply(namespace, secret(password="b"))
    (before,) = reader.live(namespace, [ref])
    cluster.emulator.fail(Fail(status=404, method=method))
    assert reader.live(namespace, [ref]) == (before,)

    cluster.emulator.fail(Fail(status=404, method=method, times=2))
    assert reader.live(namespace, [ref]) == ()
