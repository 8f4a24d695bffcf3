"""Server-side apply: who owns a field, what goes, what stays, and when it is a conflict."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from adapters.kubernetes.client import METADATA

MERGE = {"Content-Type": "application/merge-patch+json"}
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


def containers(answer: httpx.Response) -> list[dict[str, Any]]:
    found = answer.json()["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, list)
    return found


def owned(answer: httpx.Response, manager: str) -> dict[str, Any]:
    (entry,) = [one for one in answer.json()["metadata"]["managedFields"] if one["manager"] == manager]
    fields = entry["fieldsV1"]
    assert isinstance(fields, dict)
    return fields


@pytest.fixture
def web(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/web"


@pytest.fixture
def settings(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/settings"


def test_the_first_apply_creates_and_the_next_changes(apply: Apply, settings: str) -> None:
    created, changed = apply(settings, config_map(a="1")), apply(settings, config_map(a="2"))

    assert (created.status_code, changed.status_code) == (201, 200)
    assert changed.json()["data"] == {"a": "2"}
    (entry,) = created.json()["metadata"]["managedFields"]
    assert entry | {"time": ""} == {
        "manager": "coppice",
        "operation": "Apply",
        "apiVersion": "v1",
        "time": "",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:a": {}}},
    }


def test_who_asks_for_metadata_alone_is_told_no_more_of_what_was_applied(
    api: httpx.Client, apply: Apply, settings: str
) -> None:
    before = apply(settings, config_map(a="1")).json()["metadata"]
    answer = api.patch(
        settings,
        params={"fieldManager": "coppice"},
        headers={"Content-Type": "application/apply-patch+yaml", "Accept": METADATA},
        json=config_map(a="1"),
    )
    assert answer.json() == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": before,
    }


def test_defaults_are_no_change(apply: Apply, web: str) -> None:
    document = deployment(
        env=[{"name": "A", "value": "1"}], ports=[{"containerPort": 80}], resources={"limits": {"cpu": "1"}}
    )
    document["spec"]["template"]["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]

    assert {apply(web, document).json()["metadata"]["generation"] for _ in range(3)} == {1}


def test_applying_the_same_again_makes_no_new_version(apply: Apply, settings: str) -> None:
    versions = {apply(settings, config_map(a="1")).json()["metadata"]["resourceVersion"] for _ in range(3)}

    assert len(versions) == 1


def test_yaml_is_as_good_as_json(api: httpx.Client, settings: str) -> None:
    applied = api.patch(
        settings,
        params={"fieldManager": "coppice"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        content="apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: '1'\n",
    )

    assert applied.json()["data"] == {"a": "1"}


def test_a_field_that_is_left_out_goes(apply: Apply, settings: str) -> None:
    before = config_map(a="1", b="2")
    before["metadata"]["labels"] = {"app": "web"}
    apply(settings, before)

    after = apply(settings, config_map(a="1")).json()

    assert after["data"] == {"a": "1"}
    assert "labels" not in after["metadata"]


def test_a_field_that_another_one_set_stays(api: httpx.Client, apply: Apply, settings: str) -> None:
    apply(settings, config_map(a="1"))
    api.patch(
        settings, headers=MERGE, json={"data": {"theirs": "x"}, "metadata": {"annotations": {"note": "y"}}}
    )

    after = apply(settings, config_map(b="2")).json()

    assert after["data"] == {"theirs": "x", "b": "2"}
    assert after["metadata"]["annotations"] == {"note": "y"}


def test_a_field_that_another_one_changed_is_a_conflict(api: httpx.Client, apply: Apply, web: str) -> None:
    apply(web, deployment())
    api.patch(
        web, params={"fieldManager": "someone"}, headers=MERGE, json={"spec": {"revisionHistoryLimit": 3}}
    )
    document = deployment()
    document["spec"]["revisionHistoryLimit"] = 5

    refused = apply(web, document)

    assert refused.status_code == 409
    assert refused.json()["reason"] == "Conflict"
    assert refused.json()["message"] == (
        'Apply failed with 1 conflict: conflict with "someone" using apps/v1: .spec.revisionHistoryLimit'
    )
    assert refused.json()["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "someone" using apps/v1',
            "field": ".spec.revisionHistoryLimit",
        }
    ]


def test_several_conflicts_are_listed_by_manager(apply: Apply, web: str) -> None:
    document = deployment(env=[{"name": "A", "value": "1"}])
    apply(web, document, manager="theirs")
    ours = deployment(env=[{"name": "A", "value": "2"}])
    ours["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"

    refused = apply(web, ours)

    assert refused.json()["message"] == (
        'Apply failed with 2 conflicts: conflicts with "theirs":\n'
        '- .spec.template.spec.containers[name="web"].image\n'
        '- .spec.template.spec.containers[name="web"].env[name="A"].value'
    )
    assert len(refused.json()["details"]["causes"]) == 2


def test_force_takes_the_field_over(apply: Apply, settings: str) -> None:
    apply(settings, config_map(a="theirs", b="kept"), manager="theirs")

    taken = apply(settings, config_map(a="ours"), force=True)

    assert taken.status_code == 200
    assert taken.json()["data"] == {"a": "ours", "b": "kept"}
    assert owned(taken, "coppice") == {"f:data": {"f:a": {}}}
    assert owned(taken, "theirs") == {"f:data": {"f:b": {}}}


def test_two_that_agree_own_a_field_together(apply: Apply, settings: str) -> None:
    apply(settings, config_map(a="1"), manager="theirs")

    agreed = apply(settings, config_map(a="1"))
    left = apply(settings, config_map())

    assert agreed.status_code == 200
    assert owned(agreed, "coppice") == owned(agreed, "theirs") == {"f:data": {"f:a": {}}}
    assert left.json()["data"] == {"a": "1"}  # the other one still wants it


def test_whoever_writes_without_apply_takes_the_field(api: httpx.Client, apply: Apply, settings: str) -> None:
    apply(settings, config_map(a="1", b="2"))

    edited = api.patch(settings, params={"fieldManager": "editor"}, headers=MERGE, json={"data": {"a": "3"}})

    assert owned(edited, "coppice") == {"f:data": {"f:b": {}}}
    assert owned(edited, "editor") == {"f:data": {"f:a": {}}}
    assert apply(settings, config_map(a="1", b="2")).status_code == 409
    assert apply(settings, config_map(a="1", b="2"), force=True).json()["data"] == {"a": "1", "b": "2"}


def test_whoever_removes_a_field_without_apply_takes_it_from_its_owner(
    api: httpx.Client, apply: Apply, settings: str
) -> None:
    apply(settings, config_map(a="1", b="2"))

    edited = api.patch(settings, params={"fieldManager": "editor"}, headers=MERGE, json={"data": {"a": None}})

    assert owned(edited, "coppice") == {"f:data": {"f:b": {}}}


def test_replicas_left_out_stay_as_another_one_set_them(api: httpx.Client, apply: Apply, web: str) -> None:
    document = deployment()
    del document["spec"]["replicas"]
    assert apply(web, document).json()["spec"]["replicas"] == 1
    api.patch(web, headers=MERGE, json={"spec": {"replicas": 2}})

    assert apply(web, document).json()["spec"]["replicas"] == 2


def test_a_dry_run_shows_the_outcome_and_changes_nothing(
    api: httpx.Client, apply: Apply, settings: str
) -> None:
    dry = apply(settings, config_map(a="1"), dryRun="All")
    assert (dry.status_code, dry.json()["data"]) == (201, {"a": "1"})
    assert api.get(settings).status_code == 404

    before = apply(settings, config_map(a="1")).json()
    assert apply(settings, config_map(a="2"), dryRun="All").json()["data"] == {"a": "2"}

    assert api.get(settings).json() == before


def test_the_status_is_applied_at_its_own_place(api: httpx.Client, apply: Apply, web: str) -> None:
    document = deployment() | {"status": {"replicas": 7}}

    applied = apply(web, document)

    assert applied.json().get("status", {}).get("replicas") is None
    assert "f:status" not in owned(applied, "coppice")
