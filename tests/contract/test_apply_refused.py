"""What server-side apply refuses, conflicts apart: bodies that do not fit, and fields that never change."""

import copy
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Apply = Callable[..., httpx.Response]


def deployment(**container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", **container}]},
            },
        },
    }


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}


@pytest.fixture
def web(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/web"


@pytest.fixture
def settings(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/settings"


def test_an_apply_for_an_older_version_is_refused(apply: Apply, settings: str) -> None:
    first = apply(settings, config_map(a="1")).json()["metadata"]["resourceVersion"]
    apply(settings, config_map(a="2"))
    late = config_map(a="3")
    late["metadata"]["resourceVersion"] = first

    refused = apply(settings, late)

    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")


def test_who_applies_has_to_be_told(api: httpx.Client, settings: str) -> None:
    refused = api.patch(
        settings, headers={"Content-Type": "application/apply-patch+yaml"}, json=config_map(a="1")
    )

    assert refused.status_code == 422
    assert refused.json()["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


def test_managed_fields_cannot_be_applied(apply: Apply, settings: str) -> None:
    copied = apply(settings, config_map(a="1")).json()

    refused = apply(settings, copied)

    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")
    assert refused.json()["message"] == "metadata.managedFields must be nil"


def test_names_are_checked_before_anything_is_made(apply: Apply, settings: str) -> None:
    refused = apply(settings.replace("settings", "other"), config_map(a="1"))

    assert refused.status_code == 400
    assert refused.json()["message"] == (
        "the name of the object (settings) does not match the name on the URL (other)"
    )


def test_what_is_applied_has_to_say_its_kind(apply: Apply, settings: str) -> None:
    nameless = {"metadata": {"name": "settings"}}

    refused, other = apply(settings, nameless), apply(settings, config_map() | {"kind": "Secret"})

    assert refused.status_code == other.status_code == 400
    assert refused.json()["message"] == "invalid object type: /, Kind="
    assert other.json()["message"] == "invalid object type: /v1, Kind=Secret"


def test_the_template_of_a_job_is_immutable(apply: Apply, namespace: str) -> None:
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs/migrate"
    job: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}}
    container = {"name": "migrate", "image": "web:1"}
    job["spec"] = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    assert [apply(path, job).status_code for _ in range(2)] == [201, 200]
    other = copy.deepcopy(job)
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"

    refused = apply(path, other)

    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
    assert refused.json()["message"].startswith(
        'Job.batch "migrate" is invalid: spec.template: Invalid value: '
    )
    assert refused.json()["message"].endswith(": field is immutable")
    assert refused.json()["details"]["causes"][0]["field"] == "spec.template"


def test_the_selector_of_a_deployment_is_immutable(apply: Apply, web: str) -> None:
    apply(web, deployment())
    other = deployment()
    other["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}

    refused = apply(web, other)

    assert refused.status_code == 422
    assert refused.json()["details"]["causes"][0]["field"] == "spec.selector"


def test_most_of_a_stateful_set_is_immutable(apply: Apply, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/db"
    document = deployment() | {"kind": "StatefulSet", "metadata": {"name": "db"}}
    document["spec"]["serviceName"] = "db"
    apply(path, document)
    document["spec"]["serviceName"] = "other"

    refused = apply(path, document)

    assert refused.status_code == 422
    assert refused.json()["details"]["causes"][0]["field"] == "spec"
    assert "updates to statefulset spec for fields other than 'replicas'" in refused.json()["message"]


def test_applying_to_a_very_object_that_is_gone_is_refused(api: httpx.Client) -> None:
    gone = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "gone-before", "uid": "no-such-uid"},
    }
    answer = api.patch(
        "/api/v1/namespaces/gone-before",
        params={"fieldManager": "coppice"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        content=json.dumps(gone),
    )
    assert answer.status_code == 409
    assert "no existing object was found" in answer.json()["message"]
