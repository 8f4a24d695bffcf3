"""LimitRanges and ResourceQuotas: what they make of containers, and what is said of what they refuse."""

from typing import Any

import httpx
import pytest

from devtools.cluster.waiting import wait_for

APPS = "/apis/apps/v1/namespaces"
REQUESTS = "spec.containers[0].resources.requests"
TOO_MUCH = "must be less than or equal to cpu limit of 200m"
LIMITS = {
    "type": "Container",
    "defaultRequest": {"cpu": "50m"},
    "default": {"cpu": "200m"},
    "min": {"cpu": "5m"},
    "max": {"cpu": "900m"},
}


@pytest.fixture
def home(api: httpx.Client, namespace: str) -> str:
    """Return the path of a namespace with a LimitRange and a ResourceQuota."""
    home = f"/api/v1/namespaces/{namespace}"
    limits = {"metadata": {"name": "limits"}, "spec": {"limits": [LIMITS]}}
    api.post(f"{home}/limitranges", json=limits).raise_for_status()
    hard = {"requests.cpu": "1", "limits.cpu": "2", "pods": "3", "services": "1", "secrets": "0"}
    quota = {"metadata": {"name": "quota"}, "spec": {"hard": hard}}
    api.post(f"{home}/resourcequotas", json=quota).raise_for_status()
    secret, dry = {"metadata": {"name": "probe"}}, {"dryRun": "All"}
    # Admission learns of a quota a moment later, and lets everything through until then.
    wait_for(
        "the quota to be in force",
        lambda: "exceeded quota" in api.post(f"{home}/secrets", params=dry, json=secret).text,
    )
    return home


def _pod(
    api: httpx.Client,
    home: str,
    name: str,
    *,
    requests: Any = None,
    limits: Any = None,
    dry: bool = False,
    **further: str,
) -> httpx.Response:
    resources = {"requests": requests or {}, "limits": limits or {}}
    spec = {"containers": [{"name": "web", "image": "web", "resources": resources}], **further}
    query = {"dryRun": "All"} if dry else {}
    return api.post(f"{home}/pods", params=query, json={"metadata": {"name": name}, "spec": spec})


def workload(name: str, **resources: Any) -> dict[str, Any]:
    labels = {"app": name}
    pod = {"containers": [{"name": "web", "image": "web", "resources": resources}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, {"requests": {"cpu": "50m"}, "limits": {"cpu": "200m"}}),
        ({"limits": {"cpu": "300m"}}, {"requests": {"cpu": "300m"}, "limits": {"cpu": "300m"}}),
        ({"requests": {"cpu": "100m"}}, {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}),
    ],
)
def test_a_container_gets_what_it_does_not_say(
    api: httpx.Client, home: str, stated: dict[str, Any], expected: dict[str, Any]
) -> None:
    made = _pod(api, home, "web", **stated)
    assert made.json()["spec"]["containers"][0]["resources"] == expected


@pytest.mark.parametrize(
    ("stated", "code", "message"),
    [
        (
            {"requests": {"cpu": "250m"}},
            422,
            f'Pod "web" is invalid: {REQUESTS}: Invalid value: "250m": {TOO_MUCH}',
        ),
        (
            {"requests": {"cpu": "1m"}},
            403,
            'pods "web" is forbidden: minimum cpu usage per Container is 5m, but request is 1m',
        ),
        (
            {"limits": {"cpu": "950m"}},
            403,
            'pods "web" is forbidden: maximum cpu usage per Container is 900m, but limit is 950m',
        ),
    ],
)
def test_a_pod_beyond_the_limits_is_refused(
    api: httpx.Client, home: str, stated: dict[str, Any], code: int, message: str
) -> None:
    refused = _pod(api, home, "web", **stated)
    assert (refused.status_code, refused.json()["message"]) == (code, message)


def test_what_exceeds_a_quota_is_refused_with_what_is_used(api: httpx.Client, home: str) -> None:
    most = {"cpu": "800m"}
    _pod(api, home, "first", requests=most, limits=most).raise_for_status()
    refused = _pod(api, home, "web", requests=most, limits=most)
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
    assert refused.json()["message"] == (
        'pods "web" is forbidden: exceeded quota: quota, requested: requests.cpu=800m, '
        "used: requests.cpu=800m, limited: requests.cpu=1"
    )


def test_a_quota_of_a_priority_is_about_pods_of_that_priority_alone(api: httpx.Client, home: str) -> None:
    system = {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
    spec = {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [system]}}
    quota = {"metadata": {"name": "priorities"}, "spec": spec}
    api.post(f"{home}/resourcequotas", json=quota).raise_for_status()

    def refused() -> bool:
        answer = _pod(api, home, "web", dry=True, priorityClassName="system-node-critical")
        return answer.status_code == 403 and "exceeded quota: priorities, requested: pods=1" in answer.text

    wait_for("the quota to be counted", refused)
    assert _pod(api, home, "web").status_code == 201


def test_a_quota_counts_objects_too(api: httpx.Client, home: str) -> None:
    first, second = ({"metadata": {"name": each}, "spec": {"ports": [{"port": 80}]}} for each in "ab")
    api.post(f"{home}/services", json=first).raise_for_status()
    refused = api.post(f"{home}/services", json=second)
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        'services "b" is forbidden: exceeded quota: quota, requested: services=1, used: services=1, '
        "limited: services=1"
    )


def test_a_deployment_says_that_its_pods_are_not_created_and_why(
    api: httpx.Client, home: str, namespace: str
) -> None:
    path = f"{APPS}/{namespace}/deployments"
    api.post(path, json=workload("web", requests={"cpu": "250m"})).raise_for_status()

    def failure() -> dict[str, Any]:
        listed = api.get(f"{path}/web").json().get("status", {}).get("conditions", ())
        return next((one for one in listed if one["type"] == "ReplicaFailure"), {})

    wait_for("the condition", lambda: bool(failure()))
    assert (failure()["status"], failure()["reason"]) == ("True", "FailedCreate")
    assert TOO_MUCH in failure()["message"]


def test_of_a_stateful_set_only_an_event_tells(api: httpx.Client, home: str, namespace: str) -> None:
    made = workload("db", requests={"cpu": "1m"})
    made["spec"]["serviceName"] = "db"
    path = f"{APPS}/{namespace}/statefulsets"
    api.post(path, json=made).raise_for_status()

    def events() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.get(
            f"{home}/events", params={"fieldSelector": "type=Warning"}
        ).json()["items"]
        return found

    wait_for("the event", lambda: bool(events()))
    (event,) = events()
    assert (event["involvedObject"]["kind"], event["reason"]) == ("StatefulSet", "FailedCreate")
    assert event["message"] == (
        'Create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: minimum cpu usage per '
        "Container is 5m, but request is 1m"
    )
    assert "conditions" not in api.get(f"{path}/db").json()["status"]


def test_a_pod_comes_once_there_is_room(api: httpx.Client, home: str, namespace: str) -> None:
    most = {"cpu": "800m"}
    _pod(api, home, "first", requests=most, limits=most).raise_for_status()
    path = f"{APPS}/{namespace}/deployments"
    api.post(path, json=workload("web", requests=most, limits=most)).raise_for_status()
    wait_for("the failure", lambda: "ReplicaFailure" in api.get(f"{path}/web").text)

    api.delete(f"{home}/pods/first", params={"gracePeriodSeconds": 0}).raise_for_status()

    wait_for("the pod", lambda: api.get(f"{path}/web").json()["status"].get("replicas") == 1)
    wait_for("the failure to go", lambda: "ReplicaFailure" not in api.get(f"{path}/web").text)


def test_a_rollout_goes_on_within_a_quota_that_has_room_for_no_second_set_of_pods(
    api: httpx.Client, namespace: str
) -> None:
    home = f"/api/v1/namespaces/{namespace}"
    quota = {"metadata": {"name": "quota"}, "spec": {"hard": {"pods": "5"}}}
    api.post(f"{home}/resourcequotas", json=quota).raise_for_status()
    wait_for("the quota to be counted", lambda: _pod(api, home, "probe", dry=True).status_code == 201)
    path = f"{APPS}/{namespace}/deployments"
    made = workload("web")
    made["spec"]["replicas"] = 4
    api.post(path, json=made).raise_for_status()

    def up() -> bool:
        live = api.get(f"{path}/web").json()
        status = live["status"]
        counts = {status.get(each) for each in ("replicas", "updatedReplicas", "availableReplicas")}
        return counts == {4} and status.get("observedGeneration") == live["metadata"]["generation"]

    wait_for("four pods", up)
    changed = {"spec": {"template": {"metadata": {"annotations": {"revision": "2"}}}}}
    merge = {"Content-Type": "application/merge-patch+json"}
    api.patch(f"{path}/web", headers=merge, json=changed).raise_for_status()
    wait_for("four new pods", up)
