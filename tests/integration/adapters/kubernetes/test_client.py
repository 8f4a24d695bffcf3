"""The client: what it sends, and lists that are whole or not at all."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.client import Configuration

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from coppice.reconciler.correlation import correlated
from coppice.reconciler.errors import Conflict, Forbidden, Gone, QuotaReached, Rejected, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.raw import Answer, Asked, Reset, json_reply, raw_server, reply
from tests.integration.adapters.worlds import Cluster

CONFIG_MAPS = path("v1", "configmaps", namespace="coppice-system")


def api_at(url: str, **options: Any) -> Api:
    return Api(Configuration(host=url), **options)


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("v1", "namespaces"), "/api/v1/namespaces"),
        (("apps/v1", "deployments"), "/apis/apps/v1/deployments"),
    ],
)
def test_a_path_begins_as_its_group_does(arguments: tuple[str, str], wanted: str) -> None:
    assert path(*arguments) == wanted


def test_no_name_leaves_its_place_in_a_path() -> None:
    assert path("v1", "secrets", namespace="a/../b", name="x?y#z%20") == (
        "/api/v1/namespaces/a%2F..%2Fb/secrets/x%3Fy%23z%2520"
    )


def test_a_list_is_read_over_all_its_pages(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.kubernetes.client._PAGE", 4)
    for number in range(10):
        cluster.made(CONFIG_MAPS, config_map(f"m{number}"))
    found = [each["metadata"]["name"] for each in cluster.api.items(CONFIG_MAPS)]
    assert found == ["kube-root-ca.crt", *(f"m{number}" for number in range(10))]
    assert len(cluster.asked("GET")) == 3


def test_the_last_page_of_a_selected_list_may_be_empty(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.kubernetes.client._PAGE", 1)
    cluster.made(CONFIG_MAPS, config_map("a", ours="yes"))
    cluster.made(CONFIG_MAPS, config_map("b", ours="no"))
    found = [each["metadata"]["name"] for each in cluster.api.items(CONFIG_MAPS, selector="ours=yes")]
    assert found == ["a"]


def test_selector_and_continue_arrive_as_they_were_meant() -> None:
    token = "a+b/c=&limit=1 %20?"

    def answer(asked: Asked) -> Answer:
        more = {} if "continue" in asked.target else {"continue": token}
        return json_reply(200, {"kind": "List", "metadata": more, "items": []})

    selector = "app.kubernetes.io/managed-by=coppice,app.kubernetes.io/part-of in (a, b),x!=y+z"
    with raw_server(answer) as server:
        assert list(api_at(server.url).items("/api/v1/configmaps", selector=selector)) == []
    queries = [parse_qs(urlsplit(each.target).query) for each in server.asked]
    assert queries == [
        {"limit": ["500"], "labelSelector": [selector]},
        {"limit": ["500"], "labelSelector": [selector], "continue": [token]},
    ]


@pytest.mark.parametrize(
    "second",
    [
        json_reply(
            410, {"kind": "Status", "code": 410, "message": "The provided continue parameter is too old"}
        ),
        json_reply(500, {"kind": "Status", "message": "etcd"}),
        json_reply(200, {"kind": "List", "metadata": {}}),
        json_reply(200, {"kind": "List", "metadata": {}, "items": None}),
        reply(200, b'{"kind": "List", "items": [{"metadata":'),
        reply(200, b'{"kind": "List", "items": []}', length=500),
        reply(200),
        Reset(),
    ],
)
def test_a_page_that_does_not_come_is_a_failure_and_never_a_shorter_list(second: Answer) -> None:
    first = {"kind": "List", "metadata": {"continue": "t"}, "items": [config_map("a")]}

    def answer(asked: Asked) -> Answer:
        return second if "continue" in asked.target else json_reply(200, first)

    with raw_server(answer) as server, pytest.raises(Unreachable):
        list(api_at(server.url).items("/api/v1/configmaps"))


def test_a_list_that_went_stale_on_the_way_is_a_failure(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.kubernetes.client._PAGE", 1)
    cluster.made(CONFIG_MAPS, config_map("a"))
    items = cluster.api.items(CONFIG_MAPS)
    next(items)
    cluster.emulator.fail(Fail(status=410, times=3))
    with pytest.raises(Unreachable, match="Expired"):
        list(items)


def test_deleting_what_is_gone_is_no_error(cluster: Cluster) -> None:
    cluster.api.delete(path("v1", "namespaces", name="never"), uid="u")


def test_a_body_that_is_not_acceptable_is_rejected_with_the_clusters_words(cluster: Cluster) -> None:
    with pytest.raises(Rejected, match=r"Invalid|invalid"):
        cluster.api.post(CONFIG_MAPS, config_map("No_Such_Name"))


def test_a_schema_that_does_not_fit_is_rejected_though_it_is_a_500(cluster: Cluster) -> None:
    unparseable = {**config_map("a"), "data": ["not", "a", "map"]}
    with pytest.raises(Rejected, match="typed patch object"):
        cluster.api.apply(f"{CONFIG_MAPS}/a", unparseable)


def test_creating_in_a_namespace_that_goes_away_passes(cluster: Cluster) -> None:
    cluster.namespace("going", finalizers=["test.dev/stays"])
    cluster.http.delete("/api/v1/namespaces/going").raise_for_status()
    with pytest.raises(Conflict, match="being terminated") as caught:
        cluster.api.post(path("v1", "configmaps", namespace="going"), config_map("a"))
    assert caught.value.retry_after == 5


def test_a_403_without_that_cause_does_not_pass(cluster: Cluster) -> None:
    cluster.emulator.fail(Fail(status=403))
    with pytest.raises(Forbidden, match="deploy/cluster"):
        cluster.api.get(CONFIG_MAPS)


def test_a_quota_that_is_reached_is_no_matter_of_roles() -> None:
    said = 'pods "web" is forbidden: exceeded quota: coppice-quota, requested: pods=1, used: pods=12'
    refusal = json_reply(403, {"kind": "Status", "message": said})
    with raw_server(lambda _: refusal) as server, pytest.raises(QuotaReached, match="The files of the fence"):
        api_at(server.url).post(CONFIG_MAPS, config_map("a"))


def test_a_quota_that_somebody_else_made_is_not_said_to_be_the_fences() -> None:
    said = 'pods "web" is forbidden: exceeded quota: of-the-team, requested: pods=1, used: pods=12'
    refusal = json_reply(403, {"kind": "Status", "message": said})
    with raw_server(lambda _: refusal) as server, pytest.raises(QuotaReached) as caught:
        api_at(server.url).post(CONFIG_MAPS, config_map("a"))
    assert caught.value.message.endswith("That quota is none of the fence's: ask whoever made it")


def test_who_is_not_known_to_the_cluster_is_not_told_about_roles() -> None:
    refusal = json_reply(401, {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"})
    with (
        raw_server(lambda _: refusal) as server,
        pytest.raises(Forbidden, match="accepts who signs in") as caught,
    ):
        api_at(server.url).get(CONFIG_MAPS)
    assert "roles" not in caught.value.message


ADMISSION = [
    'pods "web" is forbidden: violates PodSecurity "baseline:latest": privileged (container "web" must not)',
    'pods "web" is forbidden: [maximum cpu usage per Container is 1, but limit is 2]',
    'pods "web" is forbidden: no PriorityClass with name urgent was found',
    "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
    'admission webhook "validation.gatekeeper.sh" denied the request: [labels] you must provide: owner',
]


@pytest.mark.parametrize("said", ADMISSION)
def test_what_admission_refuses_is_no_matter_of_roles(said: str) -> None:
    refusal = json_reply(403, {"kind": "Status", "reason": "Forbidden", "message": said})
    with raw_server(lambda _: refusal) as server, pytest.raises(Rejected) as caught:
        api_at(server.url).post(CONFIG_MAPS, config_map("a"))
    assert said in caught.value.message
    assert "roles" not in caught.value.message


NO_RIGHT = [
    'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group ""',
    'forbidden: User "system:anonymous" cannot get path "/api"',
    'users "x" is forbidden: User "jane" cannot impersonate resource "users" in API group ""',
]


@pytest.mark.parametrize("said", NO_RIGHT)
def test_what_nobody_granted_is_a_matter_of_roles(said: str) -> None:
    refusal = json_reply(403, {"kind": "Status", "reason": "Forbidden", "message": said})
    with raw_server(lambda _: refusal) as server, pytest.raises(Forbidden, match="deploy/cluster"):
        api_at(server.url).post(CONFIG_MAPS, config_map("a"))


def test_a_path_whose_group_the_server_does_not_know_is_gone(cluster: Cluster) -> None:
    with pytest.raises(Gone, match="404 page not found"):
        cluster.api.get("/apis/nobody.example.com/v1/things")


def test_a_redirect_is_not_followed() -> None:
    elsewhere = raw_server(lambda _: json_reply(200, {"kind": "Namespace"}))
    with elsewhere as other, raw_server(lambda _: reply(307, Location=f"{other.url}/x")) as server:
        with pytest.raises(Unreachable):
            api_at(server.url).get("/api/v1/namespaces/x")
        assert other.asked == []


def test_every_request_says_who_asks_and_for_whom() -> None:
    with raw_server(lambda _: json_reply(200, {"kind": "Namespace"})) as server:
        api_at(server.url, impersonate="jane@example.com").get("/api/v1/namespaces/x")
        api_at(server.url).get("/api/v1/namespaces/x")
        with correlated("a-push"):
            api_at(server.url).get("/api/v1/namespaces/x")
    agents = [each.headers["user-agent"] for each in server.asked]
    assert agents == ["coppice", "coppice", "coppice (a-push)"]
    assert [each.headers.get("impersonate-user") for each in server.asked] == [
        "jane@example.com",
        None,
        None,
    ]


@pytest.mark.parametrize(("uid", "version"), [("u", ""), ("", "7")])
def test_a_delete_is_only_of_what_was_read(uid: str, version: str) -> None:
    with raw_server(lambda _: json_reply(200, {"kind": "Status"})) as server:
        api_at(server.url).delete("/api/v1/namespaces/x", uid=uid, version=version)
    (asked,) = server.asked
    sent = json.loads(asked.body)
    assert sent["preconditions"] == ({"uid": "u"} if uid else {"resourceVersion": "7"})
    assert sent["propagationPolicy"] == "Background"


def test_one_client_serves_six_threads(cluster: Cluster) -> None:
    def round_trip(number: int) -> str:
        name = f"t{number}"
        cluster.api.post(CONFIG_MAPS, {**config_map(name), "data": {"mine": name}})
        found: str = cluster.api.get(f"{CONFIG_MAPS}/{name}")["data"]["mine"]
        return found

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(round_trip, range(120))) == [f"t{number}" for number in range(120)]
