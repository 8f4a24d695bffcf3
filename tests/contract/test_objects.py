"""Single objects: create, read, replace, patch, delete, and how each of them is refused."""

from typing import Any

import httpx
import pytest

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


def version(response: httpx.Response) -> str:
    return str(response.json()["metadata"]["resourceVersion"])


def test_a_created_object_is_read_back_with_what_the_server_adds(api: httpx.Client, config_maps: str) -> None:
    created = api.post(config_maps, json=config_map())

    assert created.status_code == 201
    metadata = created.json()["metadata"]
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    assert int(metadata["resourceVersion"]) > 0
    assert metadata["managedFields"][0]["operation"] == "Update"
    assert api.get(f"{config_maps}/settings").json() == created.json()


def test_creating_what_stands_is_refused(api: httpx.Client, config_maps: str) -> None:
    api.post(config_maps, json=config_map())

    refused = api.post(config_maps, json=config_map())

    assert refused.status_code == 409
    assert refused.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "settings" already exists',
        "reason": "AlreadyExists",
        "details": {"name": "settings", "kind": "configmaps"},
        "code": 409,
    }


def test_what_does_not_stand_is_not_found(api: httpx.Client, namespace: str) -> None:
    absent = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/web")

    assert absent.status_code == 404
    assert absent.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'deployments.apps "web" not found',
        "reason": "NotFound",
        "details": {"name": "web", "group": "apps", "kind": "deployments"},
        "code": 404,
    }


@pytest.mark.parametrize(
    "path", ["/api/v1/namespaces/default/gadgets", "/apis/apps/v7", "/apis/apps/v7/deployments"]
)
def test_a_resource_that_its_group_does_not_have_is_not_found(api: httpx.Client, path: str) -> None:
    answer = api.get(path)

    assert answer.status_code == 404
    assert answer.json()["message"] == "the server could not find the requested resource"
    assert answer.json()["details"] == {}


def test_a_group_that_is_not_served_gets_no_status_but_a_plain_404(api: httpx.Client) -> None:
    answer = api.get("/apis/gadgets.example.com/v1/namespaces/default/gadgets")

    assert answer.status_code == 404
    assert answer.text == "404 page not found\n"


def test_a_replacement_of_an_older_version_is_refused(api: httpx.Client, config_maps: str) -> None:
    first = api.post(config_maps, json=config_map()).json()
    second = api.put(f"{config_maps}/settings", json=first | {"data": {"a": "2"}})

    late = api.put(f"{config_maps}/settings", json=first | {"data": {"a": "3"}})

    assert second.status_code == 200
    assert int(version(second)) > int(first["metadata"]["resourceVersion"])
    assert late.status_code == 409
    assert late.json()["reason"] == "Conflict"
    assert late.json()["message"] == (
        'Operation cannot be fulfilled on configmaps "settings": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert late.json()["details"] == {"name": "settings", "kind": "configmaps"}
    assert api.get(f"{config_maps}/settings").json()["data"] == {"a": "2"}


def test_a_replacement_that_changes_nothing_makes_no_new_version(api: httpx.Client, config_maps: str) -> None:
    created = api.post(config_maps, json=config_map())

    again = api.put(f"{config_maps}/settings", json=created.json())

    assert again.status_code == 200
    assert version(again) == version(created)


def test_a_replacement_without_a_version_wins(api: httpx.Client, config_maps: str) -> None:
    api.post(config_maps, json=config_map())

    replaced = api.put(f"{config_maps}/settings", json=config_map(data={"b": "2"}))

    assert replaced.json()["data"] == {"b": "2"}


def test_what_does_not_stand_cannot_be_replaced_or_patched(api: httpx.Client, config_maps: str) -> None:
    assert api.put(f"{config_maps}/settings", json=config_map()).status_code == 404
    assert api.patch(f"{config_maps}/settings", headers=MERGE, json={"data": {}}).status_code == 404


def test_the_name_of_the_body_has_to_be_that_of_the_path(api: httpx.Client, config_maps: str) -> None:
    api.post(config_maps, json=config_map())

    refused = api.put(f"{config_maps}/settings", json=config_map("others"))

    assert refused.status_code == 400
    assert refused.json()["reason"] == "BadRequest"
    assert refused.json()["message"] == (
        "the name of the object (others) does not match the name on the URL (settings)"
    )


def test_a_merge_patch_sets_and_removes_fields(api: httpx.Client, config_maps: str) -> None:
    api.post(config_maps, json=config_map(data={"a": "1", "b": "2"}))

    patched = api.patch(f"{config_maps}/settings", headers=MERGE, json={"data": {"a": None, "c": "3"}})

    assert patched.status_code == 200
    assert patched.json()["data"] == {"b": "2", "c": "3"}


def test_a_merge_patch_with_an_older_version_is_refused(api: httpx.Client, config_maps: str) -> None:
    first = version(api.post(config_maps, json=config_map()))
    api.patch(f"{config_maps}/settings", headers=MERGE, json={"data": {"a": "2"}})

    late = api.patch(
        f"{config_maps}/settings",
        headers=MERGE,
        json={"metadata": {"resourceVersion": first}, "data": {"a": "3"}},
    )

    assert (late.status_code, late.json()["reason"]) == (409, "Conflict")


def test_the_uid_says_which_object_is_meant(api: httpx.Client, config_maps: str) -> None:
    other = config_map(metadata={"name": "settings", "uid": "that-of-the-old-one"})
    api.post(config_maps, json=config_map())

    replaced = api.put(f"{config_maps}/settings", json=other)
    patched = api.patch(f"{config_maps}/settings", headers=MERGE, json=other)

    assert (replaced.status_code, replaced.json()["reason"]) == (409, "Conflict")
    assert (patched.status_code, patched.json()["reason"]) == (422, "Invalid")
    assert patched.json()["details"]["causes"][0]["field"] == "metadata.uid"


def test_a_patch_of_an_unknown_type_is_refused(api: httpx.Client, config_maps: str) -> None:
    api.post(config_maps, json=config_map())

    refused = api.patch(f"{config_maps}/settings", headers={"Content-Type": "text/plain"}, content="x")

    assert (refused.status_code, refused.json()["reason"]) == (415, "UnsupportedMediaType")


def test_a_dry_run_answers_and_stores_nothing(api: httpx.Client, config_maps: str) -> None:
    dry = {"dryRun": "All"}

    created = api.post(config_maps, params=dry, json=config_map())

    assert created.status_code == 201
    assert created.json()["metadata"]["uid"]
    assert api.get(f"{config_maps}/settings").status_code == 404
    api.post(config_maps, json=config_map())
    patched = api.patch(f"{config_maps}/settings", params=dry, headers=MERGE, json={"data": {"a": "2"}})
    assert patched.json()["data"] == {"a": "2"}
    assert api.delete(f"{config_maps}/settings", params=dry).status_code == 200
    assert api.get(f"{config_maps}/settings").json()["data"] == {"a": "1"}


def test_what_is_given_to_a_secret_in_plain_is_stored_encoded(api: httpx.Client, namespace: str) -> None:
    secret = {"metadata": {"name": "login"}, "stringData": {"user": "branch"}}

    created = api.post(f"/api/v1/namespaces/{namespace}/secrets", json=secret).json()

    assert created["data"] == {"user": "YnJhbmNo"}
    assert created["type"] == "Opaque"
    assert "stringData" not in created


def test_generation_counts_changes_of_the_spec_and_of_nothing_else(api: httpx.Client, namespace: str) -> None:
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    budget = {"metadata": {"name": "one"}, "spec": {"maxUnavailable": 1}}
    generations = [api.post(budgets, json=budget).json()["metadata"]["generation"]]

    for patch in ({"metadata": {"labels": {"a": "b"}}}, {"spec": {"maxUnavailable": 2}}):
        patched = api.patch(f"{budgets}/one", headers=MERGE, json=patch).json()
        generations.append(patched["metadata"]["generation"])

    assert generations == [1, 1, 2]
