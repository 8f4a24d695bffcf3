"""Objects that may not stand, and how they are refused."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Apply = Callable[..., httpx.Response]


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


@pytest.mark.parametrize("name", ["Settings", "a_b", "-a", "a..b", "a" * 254])
def test_a_name_that_is_no_dns_name_is_invalid(api: httpx.Client, config_maps: str, name: str) -> None:
    refused = api.post(config_maps, json=config_map(name))

    answer = refused.json()
    assert (refused.status_code, answer["reason"]) == (422, "Invalid")
    assert answer["message"].startswith(
        f'ConfigMap "{name}" is invalid: metadata.name: Invalid value: "{name}": '
    )
    assert (answer["details"]["name"], answer["details"]["kind"]) == (name, "ConfigMap")
    assert {cause["field"] for cause in answer["details"]["causes"]} == {"metadata.name"}
    assert {cause["reason"] for cause in answer["details"]["causes"]} == {"FieldValueInvalid"}
    assert (
        "lowercase RFC 1123 subdomain" in answer["message"] or "must be no more than 253" in answer["message"]
    )


RBAC = "rbac.authorization.k8s.io/v1"


@pytest.mark.parametrize("name", ["system:web", "Reader_of..all", "a" * 300])
def test_a_role_is_called_whatever_can_be_part_of_a_path(
    api: httpx.Client, namespace: str, name: str
) -> None:
    roles = f"/apis/{RBAC}/namespaces/{namespace}/roles"

    assert api.post(roles, json={"metadata": {"name": name}, "rules": []}).status_code == 201
    assert api.get(f"{roles}/{name}").json()["metadata"]["name"] == name


@pytest.mark.parametrize(
    ("name", "rule"),
    [(".", "may not be '.'"), ("a/b", "may not contain '/'"), ("a%b", "may not contain '%'")],
)
def test_a_role_whose_name_would_change_a_path_is_invalid(
    api: httpx.Client, namespace: str, name: str, rule: str
) -> None:
    roles = f"/apis/{RBAC}/namespaces/{namespace}/roles"

    refused = api.post(roles, json={"metadata": {"name": name}, "rules": []})

    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
    assert refused.json()["message"].endswith(f'metadata.name: Invalid value: "{name}": {rule}')


def test_an_object_without_a_name_is_invalid(api: httpx.Client, config_maps: str) -> None:
    refused = api.post(config_maps, json={"metadata": {}})

    assert refused.status_code == 422
    assert refused.json()["message"].endswith(
        "is invalid: metadata.name: Required value: name or generateName is required"
    )


@pytest.mark.parametrize("value", ["feature/new-login", "-a", "a" * 64])
def test_a_label_value_that_is_none_is_invalid(api: httpx.Client, config_maps: str, value: str) -> None:
    refused = api.post(
        config_maps, json=config_map(metadata={"name": "settings", "labels": {"branch": value}})
    )

    answer = refused.json()
    assert (refused.status_code, answer["reason"]) == (422, "Invalid")
    assert answer["details"]["causes"][0]["field"] == "metadata.labels"
    assert answer["details"]["causes"][0]["message"].startswith(f'Invalid value: "{value}": ')


def test_the_body_has_to_be_of_the_kind_of_the_path(api: httpx.Client, config_maps: str) -> None:
    refused = api.post(config_maps, json=config_map() | {"kind": "Secret"})

    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")
    assert refused.json()["message"].startswith('Secret in version "v1" cannot be handled as a ConfigMap')


def test_only_custom_kinds_have_to_be_named(api: httpx.Client, namespace: str, config_maps: str) -> None:
    routes = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes"

    answers = [api.post(path, json={"metadata": {"name": "a"}}) for path in (config_maps, routes)]

    assert [answer.status_code for answer in answers] == [201, 400]


def test_the_namespace_of_the_body_has_to_be_that_of_the_path(api: httpx.Client, config_maps: str) -> None:
    refused = api.post(config_maps, json=config_map(metadata={"name": "a", "namespace": "default"}))

    assert refused.status_code == 400
    assert refused.json()["message"] == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )


def test_a_copy_that_still_has_its_version_is_refused(api: httpx.Client, config_maps: str) -> None:
    copied = api.post(config_maps, json=config_map()).json()
    copied["metadata"]["name"] = "copy"

    refused = api.post(config_maps, json=copied)

    assert refused.status_code == 500
    assert refused.json()["message"] == "resourceVersion should not be set on objects to be created"
    assert "reason" not in refused.json()


@pytest.mark.parametrize(
    ("kind", "resource", "content", "field"),
    [
        ("ConfigMap", "configmaps", {"data": {"a": 1}}, ".data.a: expected string"),
        ("ConfigMap", "configmaps", {"data": {"a": True}}, ".data.a: expected string"),
        ("ConfigMap", "configmaps", {"data": "a"}, ".data: expected map"),
        (
            "Secret",
            "secrets",
            {"metadata": {"name": "a", "labels": {"b": 1}}},
            ".metadata.labels.b: expected string",
        ),
        ("ServiceAccount", "serviceaccounts", {"secrets": {"a": 1}}, ".secrets: expected list"),
    ],
)
def test_a_field_of_the_wrong_type_is_a_400_or_for_an_apply_a_500(
    api: httpx.Client,
    apply: Apply,
    namespace: str,
    kind: str,
    resource: str,
    content: dict[str, Any],
    field: str,
) -> None:
    path = f"/api/v1/namespaces/{namespace}/{resource}"
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **content}

    created, applied = api.post(path, json=document), apply(f"{path}/a", document)

    assert (created.status_code, created.json()["reason"]) == (400, "BadRequest")
    assert f'{kind} in version "v1" cannot be handled as a {kind}: json: ' in created.json()["message"]
    assert applied.status_code == 500
    assert "reason" not in applied.json()
    assert applied.json()["message"].startswith("failed to create typed patch object (")
    assert field in applied.json()["message"]


def deployment(**template: Any) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


LABELS = {"labels": {"app": "web"}}


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        (deployment(metadata=LABELS, spec={"containers": []}), ["spec.template.spec.containers"]),
        (
            deployment(metadata=LABELS, spec={"containers": [{"name": "web"}]}),
            ["spec.template.spec.containers[0].image"],
        ),
        (
            deployment(metadata=LABELS, spec={"containers": [{"image": "web"}]}),
            ["spec.template.spec.containers[0].name"],
        ),
        (
            deployment(spec={"containers": [{"name": "web", "image": "web"}]}),
            ["spec.template.metadata.labels"],
        ),
        (
            deployment() | {"spec": {}},
            ["spec.selector", "spec.template.metadata.labels", "spec.template.spec.containers"],
        ),
    ],
)
def test_a_workload_without_what_its_pods_need_is_invalid(
    api: httpx.Client, apply: Apply, namespace: str, document: dict[str, Any], fields: list[str]
) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"

    for refused in (api.post(path, json=document), apply(f"{path}/web", document)):
        assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
        assert [cause["field"] for cause in refused.json()["details"]["causes"]] == fields


def test_a_job_has_to_say_what_happens_when_it_fails(api: httpx.Client, namespace: str) -> None:
    spec = {"template": {"spec": {"containers": [{"name": "web", "image": "web"}]}}}

    refused = api.post(
        f"/apis/batch/v1/namespaces/{namespace}/jobs", json={"metadata": {"name": "a"}, "spec": spec}
    )

    assert refused.json()["message"] == (
        'Job.batch "a" is invalid: spec.template.spec.restartPolicy: Required value: '
        'valid values: "OnFailure", "Never"'
    )
