"""What stays although nobody applies it any more, and what stays as it was although another is wanted."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from devtools.cluster.waiting import wait_for

MERGE = {"Content-Type": "application/merge-patch+json"}
Apply = Callable[..., httpx.Response]


def secret(**content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, **content}


def cron_job(**spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "web", "image": "web:1"}], "restartPolicy": "Never"}
    job = {"spec": {"template": {"spec": pod}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": job, **spec},
    }


def test_a_key_of_string_data_that_is_not_applied_any_more_stays(apply: Apply, namespace: str) -> None:
    where = f"/api/v1/namespaces/{namespace}/secrets/login"
    first = apply(where, secret(stringData={"a": "1", "b": "2"})).json()
    second = apply(where, secret(stringData={"a": "1"})).json()

    (entry,) = first["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:stringData": {"f:a": {}, "f:b": {}}}
    assert second["data"] == {"a": "MQ==", "b": "Mg=="}


def test_a_key_of_data_that_is_not_applied_any_more_goes(apply: Apply, namespace: str) -> None:
    where = f"/api/v1/namespaces/{namespace}/secrets/login"
    apply(where, secret(stringData={"a": "1"})).raise_for_status()
    apply(where, secret(data={"a": "MQ==", "b": "Mg=="})).raise_for_status()

    assert apply(where, secret(data={"b": "Mg=="})).json()["data"] == {"b": "Mg=="}


def test_a_cron_job_that_was_suspended_runs_again_only_if_that_is_applied(
    api: httpx.Client, apply: Apply, namespace: str
) -> None:
    where = f"/apis/batch/v1/namespaces/{namespace}/cronjobs/nightly"
    apply(where, cron_job()).raise_for_status()
    query = {"fieldManager": "coppice"}
    api.patch(where, params=query, headers=MERGE, json={"spec": {"suspend": True}}).raise_for_status()

    assert apply(where, cron_job(), force=True).json()["spec"]["suspend"] is True
    assert apply(where, cron_job(suspend=False), force=True).json()["spec"]["suspend"] is False


def test_a_label_that_a_namespace_was_created_with_is_taken_away_by_a_patch_and_not_by_applying(
    api: httpx.Client, apply: Apply, namespace: str
) -> None:
    name, query = f"{namespace}-labelled", {"fieldManager": "coppice"}
    metadata = {"name": name, "labels": {"a": "1"}}
    api.post("/api/v1/namespaces", params=query, json={"metadata": metadata}).raise_for_status()
    where = f"/api/v1/namespaces/{name}"

    bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert apply(where, bare, force=True).json()["metadata"]["labels"]["a"] == "1"

    read = api.get(where).json()["metadata"]
    patch = {"metadata": {"uid": read["uid"], "resourceVersion": "1", "labels": {"a": None}}}
    assert api.patch(where, headers=MERGE, json=patch).status_code == 409
    patch["metadata"]["resourceVersion"] = read["resourceVersion"]
    patched = api.patch(where, headers=MERGE, json=patch)
    api.delete(where)
    assert "a" not in patched.json()["metadata"]["labels"]


@pytest.mark.parametrize(
    ("strategy", "updated"),
    [
        ({"type": "OnDelete"}, 0),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}, 1),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 9}}, 0),
    ],
    ids=["on delete", "a partition", "a partition of all"],
)
def test_a_stateful_set_lets_pods_stay_at_a_former_template(
    api: httpx.Client, apply: Apply, namespace: str, strategy: dict[str, Any], updated: int
) -> None:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    wait_for("the default service account", lambda: api.get(account).status_code == 200)
    where = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/web"

    def applied(image: str) -> dict[str, Any]:
        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": image}]},
        }
        spec = {
            "replicas": 2,
            "serviceName": "web",
            "selector": {"matchLabels": {"app": "web"}},
            "template": template,
            "updateStrategy": strategy,
        }
        manifest = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec}
        apply(where, manifest, force=True).raise_for_status()

        def rolled_out() -> bool:
            live = api.get(where).json()
            seen = live["status"].get("observedGeneration") == live["metadata"]["generation"]
            wanted = 2 if image == "web:1" else updated
            counts = [live["status"].get(each, 0) for each in ("availableReplicas", "updatedReplicas")]
            return bool(seen and counts == [2, wanted])

        wait_for("the rollout", rolled_out)
        status = api.get(where).json()["status"]
        assert isinstance(status, dict)
        return status

    first, second = applied("web:1"), applied("web:2")

    assert second["replicas"] == 2
    assert second.get("updatedReplicas", 0) == updated
    assert second.get("currentReplicas", 0) == 2 - updated
    assert second["updateRevision"] != first["updateRevision"]
    assert second["currentRevision"] == first["updateRevision"]
