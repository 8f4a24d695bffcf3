"""What the managed cluster's resource tells."""

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.azure.client import Unsigned
from adapters.azure.cluster import ClusterAdapter
from coppice.reconciler.errors import Gone, NotSetUp, Unreachable
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server
from tests.integration.adapters.worlds import SUBSCRIPTION, Azure, azure_at

KUBECONFIG = """
clusters:
- name: aks-coppice
  cluster: {server: "https://aks-coppice.test:443", certificate-authority-data: UEVN}
"""


def test_the_issuer_is_that_of_the_cluster_slash_and_all(azure: Azure) -> None:
    assert azure.ours.cluster.issuer() == azure.state.world.cluster.issuer_url


def test_the_issuer_is_asked_for_once_even_by_six_threads(azure: Azure) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: azure.ours.cluster.issuer(), range(12)))
    assert len(set(found)) == 1
    assert azure.asked("GET") == 1


def test_an_issuer_from_the_settings_is_never_asked_for(azure: Azure) -> None:
    known = ClusterAdapter(
        Unsigned(), SUBSCRIPTION, azure.url, group="rg-coppice", name="aks-coppice", issuer="https://known/"
    )
    assert known.issuer() == "https://known/"
    assert azure.asked("GET") == 0


def test_a_cluster_that_issues_no_tokens_is_told_with_the_command() -> None:
    answer = json_reply(200, {"name": "aks-coppice", "location": "x", "properties": {}})
    with raw_server(lambda _: answer) as server, pytest.raises(NotSetUp, match="az aks update -g rg-coppice"):
        azure_at(server.url).cluster.issuer()


def test_a_cluster_that_is_not_there_is_gone_by_its_name(azure: Azure) -> None:
    other = ClusterAdapter(Unsigned(), SUBSCRIPTION, azure.url, group="rg-coppice", name="aks-other")
    with pytest.raises(Gone, match="rg-coppice/aks-other"):
        other.issuer()


def test_the_api_servers_address_comes_from_the_kubeconfig_that_azure_hands_out() -> None:
    packed = base64.b64encode(KUBECONFIG.encode()).decode()
    answer = json_reply(200, {"kubeconfigs": [{"name": "clusterUser", "value": packed}]})
    with raw_server(lambda _: answer) as server:
        assert azure_at(server.url).cluster.server() == ("https://aks-coppice.test:443", "UEVN")
    assert [each.method for each in server.asked] == ["POST"]


def test_a_cluster_that_was_made_anew_under_its_name_is_asked_for_its_issuer_again() -> None:
    made = 0

    def answer(asked: Asked) -> Answer:
        if asked.method == "GET":
            profile = {"oidcIssuerProfile": {"issuerURL": f"https://issuer-{made}.test/"}}
            return json_reply(200, {"name": "aks-coppice", "location": "x", "properties": profile})
        kubeconfig = KUBECONFIG.replace("aks-coppice.test", f"aks-coppice-{made}.test")
        packed = base64.b64encode(kubeconfig.encode()).decode()
        return json_reply(200, {"kubeconfigs": [{"name": "clusterUser", "value": packed}]})

    with raw_server(answer) as server:
        cluster = azure_at(server.url).cluster
        cluster.server()
        assert cluster.issuer() == "https://issuer-0.test/"
        made = 1
        assert cluster.issuer() == "https://issuer-0.test/"
        cluster.server()
        assert cluster.issuer() == "https://issuer-1.test/"


@pytest.mark.parametrize("kubeconfig", ["", "clusters: []", "clusters: 5", "{", "clusters: [{cluster: {}}]"])
def test_a_kubeconfig_that_is_none_is_no_answer(kubeconfig: str) -> None:
    packed = base64.b64encode(kubeconfig.encode()).decode()
    answer = json_reply(200, {"kubeconfigs": [{"name": "clusterUser", "value": packed}]})
    with raw_server(lambda _: answer) as server, pytest.raises(Unreachable):
        azure_at(server.url).cluster.server()


def test_an_answer_without_any_kubeconfig_is_no_answer() -> None:
    with raw_server(lambda _: json_reply(200, {"kubeconfigs": []})) as server, pytest.raises(Unreachable):
        azure_at(server.url).cluster.server()
