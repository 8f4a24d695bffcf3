"""Delete: preconditions, finalizers, and what is answered."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from devtools.cluster.waiting import wait_for

Apply = Callable[..., httpx.Response]
MERGE = {"Content-Type": "application/merge-patch+json"}


def config_map(name: str = "settings", **content: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"a": "1"},
        **content,
    }


@pytest.fixture
def config_maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def test_what_is_deleted_is_gone(api: httpx.Client, config_maps: str) -> None:
    uid = api.post(config_maps, json=config_map()).json()["metadata"]["uid"]

    deleted = api.delete(f"{config_maps}/settings")

    assert deleted.status_code == 200
    assert deleted.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "settings", "kind": "configmaps", "uid": uid},
    }
    assert api.get(f"{config_maps}/settings").status_code == 404
    assert api.delete(f"{config_maps}/settings").status_code == 404


@pytest.mark.parametrize(
    ("field", "shown", "happened"),
    [("uid", "UID", "deleted and then recreated"), ("resourceVersion", "ResourceVersion", "modified")],
    ids=["uid", "version"],
)
def test_a_delete_whose_precondition_does_not_hold_is_refused(
    api: httpx.Client, config_maps: str, field: str, shown: str, happened: str
) -> None:
    metadata = api.post(config_maps, json=config_map()).json()["metadata"]

    refused = api.request("DELETE", f"{config_maps}/settings", json={"preconditions": {field: "7"}})

    assert refused.status_code == 409
    assert refused.json()["reason"] == "Conflict"
    assert refused.json()["message"] == (
        f'Operation cannot be fulfilled on ConfigMap "settings": the {shown} in the precondition (7) '
        f"does not match the {shown} in record ({metadata[field]}). The object might have been {happened}"
    )
    assert api.get(f"{config_maps}/settings").status_code == 200


def test_a_delete_whose_preconditions_hold_is_done(api: httpx.Client, config_maps: str) -> None:
    metadata = api.post(config_maps, json=config_map()).json()["metadata"]
    preconditions = {field: metadata[field] for field in ("uid", "resourceVersion")}

    deleted = api.request("DELETE", f"{config_maps}/settings", json={"preconditions": preconditions})

    assert deleted.status_code == 200
    assert api.get(f"{config_maps}/settings").status_code == 404


def test_a_finalizer_holds_a_deleted_object_until_it_is_taken_off(
    api: httpx.Client, config_maps: str
) -> None:
    held = config_map()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    api.post(config_maps, json=held)

    deleted = api.delete(f"{config_maps}/settings")
    again = api.delete(f"{config_maps}/settings")

    assert deleted.status_code == again.status_code == 200
    assert deleted.json()["metadata"]["deletionTimestamp"]
    assert again.json() == deleted.json()
    freed = api.patch(f"{config_maps}/settings", headers=MERGE, json={"metadata": {"finalizers": None}})
    assert freed.status_code == 200
    assert api.get(f"{config_maps}/settings").status_code == 404


def test_an_object_that_is_being_deleted_takes_what_is_applied_to_it_and_goes_all_the_same(
    api: httpx.Client, apply: Apply, config_maps: str
) -> None:
    held = config_map()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    uid = api.post(config_maps, json=held).json()["metadata"]["uid"]
    api.delete(f"{config_maps}/settings")

    applied = apply(f"{config_maps}/settings", config_map(data={"a": "2"}), force=True)

    assert applied.status_code == 200
    metadata = applied.json()["metadata"]
    assert (applied.json()["data"], metadata["uid"]) == ({"a": "2"}, uid)
    assert metadata["deletionTimestamp"]
    assert metadata["finalizers"] == ["example.com/hold"]
    api.patch(f"{config_maps}/settings", headers=MERGE, json={"metadata": {"finalizers": None}})
    assert api.get(f"{config_maps}/settings").status_code == 404


def test_some_kinds_answer_a_delete_with_what_they_were(api: httpx.Client, namespace: str) -> None:
    services = f"/api/v1/namespaces/{namespace}/services"
    api.post(services, json={"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})

    deleted = api.delete(f"{services}/web")

    assert deleted.json()["kind"] == "Service"
    assert "deletionTimestamp" not in deleted.json()["metadata"]
    assert api.get(f"{services}/web").status_code == 404


def test_a_claim_that_a_pod_mounts_is_held_whatever_is_applied_to_it(
    api: httpx.Client, apply: Apply, namespace: str
) -> None:
    core = f"/api/v1/namespaces/{namespace}"
    account = f"{core}/serviceaccounts/default"
    wait_for("the default service account", lambda: api.get(account).status_code == 200)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    where = f"{core}/persistentvolumeclaims/data"
    made = apply(where, claim).raise_for_status().json()["metadata"]
    assert made["finalizers"] == ["kubernetes.io/pvc-protection"]
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    container = {"name": "web", "image": "web:1"}
    spec = {"nodeName": "somewhere", "containers": [container], "volumes": [volume]}
    api.post(f"{core}/pods", json={"metadata": {"name": "web"}, "spec": spec}).raise_for_status()

    api.delete(where).raise_for_status()
    taken = apply(where, claim, force=True)

    assert (taken.status_code, taken.json()["metadata"]["uid"]) == (200, made["uid"])
    assert taken.json()["metadata"]["deletionTimestamp"]
    api.request("DELETE", f"{core}/pods/web", json={"gracePeriodSeconds": 0}).raise_for_status()
    wait_for("the claim to go", lambda: api.get(where).status_code == 404)
