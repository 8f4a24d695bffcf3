"""Namespaces, and above all how they go."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from devtools.cluster.waiting import wait_for

MERGE = {"Content-Type": "application/merge-patch+json"}
Apply = Callable[..., httpx.Response]


def conditions(answer: httpx.Response) -> dict[str, tuple[str, str, str]]:
    listed = answer.json()["status"].get("conditions", [])
    return {one["type"]: (one["status"], one["reason"], one["message"]) for one in listed}


@pytest.fixture
def held(api: httpx.Client, namespace: str) -> str:
    """Return the path of an object that a finalizer holds, in a namespace that was deleted."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    api.post(path, json={"metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
    api.post(path, json={"metadata": {"name": "free"}})
    api.delete(f"/api/v1/namespaces/{namespace}")
    return f"{path}/held"


@pytest.fixture
def release(api: httpx.Client, held: str) -> Callable[[], None]:
    def take_finalizer_off() -> None:
        api.patch(held, headers=MERGE, json={"metadata": {"finalizers": None}})

    return take_finalizer_off


def test_a_new_namespace_is_furnished(api: httpx.Client, namespace: str) -> None:
    home = f"/api/v1/namespaces/{namespace}"
    made = api.get(home).json()

    assert made["status"]["phase"] == "Active"
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    assert made["metadata"]["labels"]["kubernetes.io/metadata.name"] == namespace
    wait_for("its account", lambda: api.get(f"{home}/serviceaccounts/default").status_code == 200)
    wait_for("its certificates", lambda: api.get(f"{home}/configmaps/kube-root-ca.crt").status_code == 200)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Feature", "a lowercase RFC 1123 label must consist of"),
        ("feature_x", "a lowercase RFC 1123 label must consist of"),
        ("-x", "a lowercase RFC 1123 label must consist of"),
        ("feature.x", "must not contain dots"),
        ("a" * 64, "must be no more than 63 characters"),
    ],
)
def test_a_name_that_is_no_label_is_invalid(api: httpx.Client, name: str, rule: str) -> None:
    refused = api.post("/api/v1/namespaces", json={"metadata": {"name": name}})

    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
    message = refused.json()["message"]
    assert message.startswith(f'Namespace "{name}" is invalid: ')
    assert f'metadata.name: Invalid value: "{name}": {rule}' in message


def test_nothing_can_be_created_in_a_namespace_that_does_not_stand(api: httpx.Client, apply: Apply) -> None:
    answers = [
        api.post("/api/v1/namespaces/nowhere/configmaps", json={"metadata": {"name": "a"}}),
        apply(
            "/api/v1/namespaces/nowhere/configmaps/a",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
        ),
    ]

    for refused in answers:
        assert refused.status_code == 404
        assert refused.json()["message"] == 'namespaces "nowhere" not found'
        assert refused.json()["details"] == {"name": "nowhere", "kind": "namespaces"}


def test_a_deleted_namespace_goes_with_its_contents(api: httpx.Client, namespace: str) -> None:
    home = f"/api/v1/namespaces/{namespace}"
    api.post(f"{home}/configmaps", json={"metadata": {"name": "a"}})

    deleted = api.delete(home)

    assert deleted.status_code == 200
    assert deleted.json()["kind"] == "Namespace"
    assert deleted.json()["status"]["phase"] == "Terminating"
    assert deleted.json()["metadata"]["deletionTimestamp"]
    wait_for("the namespace to go", lambda: api.get(home).status_code == 404)
    assert api.get(f"{home}/configmaps/a").status_code == 404


def test_the_uid_guards_a_namespace_that_was_made_anew(api: httpx.Client, namespace: str) -> None:
    refused = api.request(
        "DELETE", f"/api/v1/namespaces/{namespace}", json={"preconditions": {"uid": "that-of-the-old-one"}}
    )

    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")
    assert api.get(f"/api/v1/namespaces/{namespace}").json()["status"]["phase"] == "Active"


def test_a_finalizer_in_it_holds_a_namespace_that_says_so(
    api: httpx.Client, namespace: str, held: str, release: Callable[[], None]
) -> None:
    home = f"/api/v1/namespaces/{namespace}"
    wait_for("its conditions", lambda: "NamespaceFinalizersRemaining" in conditions(api.get(home)))
    told = conditions(api.get(home))

    assert told["NamespaceContentRemaining"] == (
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: configmaps. has 1 resource instances",
    )
    assert told["NamespaceFinalizersRemaining"] == (
        "True",
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    )
    assert told["NamespaceDeletionContentFailure"][0] == "False"
    assert api.get(held).json()["metadata"]["deletionTimestamp"]
    assert api.get(held.replace("held", "free")).status_code == 404
    release()
    wait_for("the namespace to go", lambda: api.get(home).status_code == 404)


def test_nothing_can_be_created_in_a_namespace_that_is_going(
    api: httpx.Client, apply: Apply, namespace: str, held: str, release: Callable[[], None]
) -> None:
    document: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "late"}}
    document["spec"] = {
        "selector": {"matchLabels": {"app": "late"}},
        "template": {
            "metadata": {"labels": {"app": "late"}},
            "spec": {"containers": [{"name": "web", "image": "nginx"}]},
        },
    }
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"

    for refused in (api.post(path, json=document), apply(f"{path}/late", document)):
        assert refused.status_code == 403
        assert refused.json()["reason"] == "Forbidden"
        assert refused.json()["message"] == (
            f'deployments.apps "late" is forbidden: unable to create new content in namespace {namespace} '
            "because it is being terminated"
        )
        assert refused.json()["details"] == {
            "name": "late",
            "group": "apps",
            "kind": "deployments",
            "causes": [
                {
                    "reason": "NamespaceTerminating",
                    "message": f"namespace {namespace} is being terminated",
                    "field": "metadata.namespace",
                }
            ],
        }
    release()


def test_a_namespace_that_is_going_can_still_be_applied(
    api: httpx.Client, apply: Apply, namespace: str, held: str, release: Callable[[], None]
) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": {"a": "b"}},
    }

    applied = apply(f"/api/v1/namespaces/{namespace}", document)

    assert applied.status_code == 200
    assert applied.json()["metadata"]["deletionTimestamp"]
    assert applied.json()["metadata"]["labels"]["a"] == "b"
    release()


def test_a_second_delete_of_a_namespace_is_as_good_as_the_first(
    api: httpx.Client, namespace: str, held: str, release: Callable[[], None]
) -> None:
    again = api.delete(f"/api/v1/namespaces/{namespace}")

    assert again.status_code == 200
    assert again.json()["status"]["phase"] == "Terminating"
    release()


def test_a_finalizer_of_its_own_holds_a_namespace(api: httpx.Client, namespace: str) -> None:
    home = f"/api/v1/namespaces/{namespace}"
    api.patch(home, headers=MERGE, json={"metadata": {"finalizers": ["example.com/hold"]}})

    api.delete(home)

    wait_for("its contents to go", lambda: api.get(home).json()["spec"] == {})
    api.patch(home, headers=MERGE, json={"metadata": {"finalizers": None}})
    wait_for("the namespace to go", lambda: api.get(home).status_code == 404)


def test_the_system_s_namespaces_cannot_be_deleted(api: httpx.Client) -> None:
    for name in ("default", "kube-system", "kube-public"):
        refused = api.delete(f"/api/v1/namespaces/{name}")

        assert refused.status_code == 403
        assert (
            refused.json()["message"]
            == f'namespaces "{name}" is forbidden: this namespace may not be deleted'
        )


def test_an_api_that_nothing_serves_holds_every_namespace_that_goes_and_is_named(
    api: httpx.Client, namespace: str
) -> None:
    home, dead = f"/api/v1/namespaces/{namespace}", "dead.example.com/v1beta1"
    with _dead_api(api, *dead.split("/")):
        api.delete(home).raise_for_status()
        failing = "NamespaceDeletionDiscoveryFailure"
        failed = "Discovery failed for some groups, 1 failing: unable to retrieve"
        wait_for("its conditions", lambda: conditions(api.get(home)).get(failing, ("",))[0] == "True")
        told = conditions(api.get(home))
        assert told["NamespaceDeletionDiscoveryFailure"] == (
            "True",
            "DiscoveryFailed",
            f"{failed} the complete list of server APIs: {dead}: stale GroupVersion discovery: {dead}",
        )
        assert told["NamespaceContentRemaining"][0] == "False"
    wait_for("the namespace to go", lambda: api.get(home).status_code == 404)


@contextlib.contextmanager
def _dead_api(api: httpx.Client, group: str, version: str) -> Iterator[None]:
    """An API that is registered and that nothing serves; the emulator is told."""
    told = api.post("/_emulator/player", json={"dead_apis": [f"{group}/{version}"]})
    registered, name = "/apis/apiregistration.k8s.io/v1/apiservices", f"{version}.{group}"
    if not told.is_success:
        service = {"name": "none", "namespace": "default"}
        spec = {"group": group, "version": version, "service": service, "insecureSkipTLSVerify": True}
        spec |= {"groupPriorityMinimum": 100, "versionPriority": 100}
        api.post(registered, json={"metadata": {"name": name}, "spec": spec}).raise_for_status()
        wait_for("discovery to tell", lambda: "status" in api.get(f"{registered}/{name}").json())
    try:
        yield
    finally:
        if told.is_success:
            api.post("/_emulator/player", json={"dead_apis": []})
        else:
            api.delete(f"{registered}/{name}")
