"""Lists: selectors, pages, and what an item looks like."""

from typing import Any

import httpx
import pytest

LABELS: dict[str, dict[str, str]] = {
    "a": {"app": "web", "tier": "front"},
    "b": {"app": "web", "tier": "back"},
    "c": {"app": "db"},
    "d": {},
}


@pytest.fixture
def config_maps(api: httpx.Client, namespace: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name, labels in LABELS.items():
        api.post(path, json={"metadata": {"name": name, "labels": labels | {"of": namespace}}})
    return path


def names(answer: httpx.Response) -> list[str]:
    return [item["metadata"]["name"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("app=web", "ab"),
        ("app==web,tier=back", "b"),
        ("app!=web", "cd"),
        ("app in (web, db)", "abc"),
        ("app notin (web)", "cd"),
        ("tier", "ab"),
        ("!tier", "cd"),
        ("app,tier notin (back),app!=db", "a"),
        ("app=", ""),
        ("app in (db),!tier", "c"),
        ("app=nothing", ""),
    ],
)
def test_labels_select(
    api: httpx.Client, namespace: str, config_maps: str, selector: str, selected: str
) -> None:
    answer = api.get(config_maps, params={"labelSelector": f"{selector},of={namespace}"})

    assert names(answer) == list(selected)


@pytest.mark.parametrize("selector", ["=a", "a in web", "a in (b", "a=b=c", "a,,b", "a b", "-a=b"])
def test_a_selector_that_is_none_is_refused(api: httpx.Client, namespace: str, selector: str) -> None:
    refused = api.get(f"/api/v1/namespaces/{namespace}/configmaps", params={"labelSelector": selector})

    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")


def test_a_list_without_a_namespace_is_that_of_all(
    api: httpx.Client, namespace: str, config_maps: str
) -> None:
    answer = api.get("/api/v1/configmaps", params={"labelSelector": f"of={namespace}"})

    assert names(answer) == list(LABELS)
    assert {item["metadata"]["namespace"] for item in answer.json()["items"]} == {namespace}


def test_a_list_says_what_it_is_and_its_items_do_not(api: httpx.Client, config_maps: str) -> None:
    answer = api.get(config_maps).json()

    assert (answer["kind"], answer["apiVersion"]) == ("ConfigMapList", "v1")
    assert int(answer["metadata"]["resourceVersion"]) > 0
    assert not any({"kind", "apiVersion"} & item.keys() for item in answer["items"])


def test_items_of_custom_kinds_say_what_they_are(api: httpx.Client, namespace: str) -> None:
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes"
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web"}}
    api.post(path, json=route | {"spec": {"hostnames": ["web.example.com"]}}).raise_for_status()

    (item,) = api.get(path).json()["items"]

    assert (item["kind"], item["apiVersion"]) == ("HTTPRoute", "gateway.networking.k8s.io/v1")


def test_pages_together_are_the_list(api: httpx.Client, namespace: str, config_maps: str) -> None:
    query: dict[str, Any] = {"labelSelector": f"of={namespace}", "limit": 3}
    first = api.get(config_maps, params=query)
    token = first.json()["metadata"]["continue"]

    second = api.get(config_maps, params=query | {"continue": token})

    assert names(first) == ["a", "b", "c"]
    assert names(second) == ["d"]
    assert "continue" not in second.json()["metadata"]


def test_the_last_page_is_empty_if_only_others_remained(
    api: httpx.Client, namespace: str, config_maps: str
) -> None:
    api.post(config_maps, json={"metadata": {"name": "e"}})
    query: dict[str, Any] = {"labelSelector": f"of={namespace}", "limit": 4}
    full = api.get(config_maps, params=query)

    last = api.get(config_maps, params=query | {"continue": full.json()["metadata"]["continue"]})

    assert names(full) == ["a", "b", "c", "d"]
    assert last.json()["items"] == []
    assert "continue" not in last.json()["metadata"]


def test_a_page_says_how_many_remain_if_nothing_is_selected(
    api: httpx.Client, namespace: str, config_maps: str
) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    for name in ("a", "b", "c"):
        api.post(leases, json={"metadata": {"name": name}, "spec": {}})

    first = api.get(leases, params={"limit": 1}).json()["metadata"]
    whole = api.get(leases, params={"limit": 3}).json()["metadata"]

    assert first["remainingItemCount"] == 2
    assert "continue" not in whole


def test_pages_show_the_list_as_it_was_at_the_first_one(
    api: httpx.Client, namespace: str, config_maps: str
) -> None:
    query: dict[str, Any] = {"labelSelector": f"of={namespace}", "limit": 2}
    token = api.get(config_maps, params=query).json()["metadata"]["continue"]
    api.delete(f"{config_maps}/c")
    api.post(config_maps, json={"metadata": {"name": "e", "labels": {"of": namespace}}})

    rest = api.get(config_maps, params=query | {"continue": token})

    assert names(rest) == ["c", "d"]


def test_a_token_that_is_none_is_refused(api: httpx.Client, config_maps: str) -> None:
    refused = api.get(config_maps, params={"limit": 2, "continue": "!"})

    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")


def test_a_list_in_a_namespace_that_does_not_stand_is_empty(api: httpx.Client) -> None:
    answer = api.get("/api/v1/namespaces/nowhere/configmaps")

    assert (answer.status_code, answer.json()["items"]) == (200, [])
