from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioning.admission import check_objects
from provisioning.fence import FenceConfig, egress
from provisioning.fence_files import load
from tests.unit.provisioning.admission.conftest import POLICY

FILES = {file.name: file.read_text() for file in (Path(__file__).parents[4] / "fence").glob("*.yaml")}
TERMS = FenceConfig(
    templates=load(FILES), database=("10.226.4.0/28",), private=("10.9.0.0/16", "fd00:9::/48")
)
ALLOWED = POLICY.allowed_kinds | {"networking.k8s.io/NetworkPolicy"}
FENCED = replace(POLICY, allowed_kinds=ALLOWED, egress=egress(TERMS))
UNFENCED = replace(FENCED, egress=None)

INTERNET = next(
    peer["ipBlock"]
    for rule in egress(TERMS) or ()
    for peer in rule["to"]
    if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
)
KUBE_SYSTEM = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
OWN = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "feature-login"}}}
ANY_POD: dict[str, Any] = {"podSelector": {}}


def in_k8s_app(*values: str) -> dict[str, Any]:
    return {"key": "k8s-app", "operator": "In", "values": list(values)}


DNS_PODS = {"podSelector": {"matchExpressions": [in_k8s_app("kube-dns", "node-local-dns")]}}
NOT_DNS = {"key": "k8s-app", "operator": "NotIn", "values": ["kube-dns", "node-local-dns"]}
OTHER = {"key": "tier", "operator": "Exists"}


def policy(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "mine", "namespace": "feature-login"},
        "spec": {"podSelector": {}, **spec},
    }


def leading(*peers: Any, rules: Any = FENCED, **rule: Any) -> str:
    found = {**({"to": list(peers)} if peers else {}), **rule}
    return "; ".join(map(str, check_objects([policy(egress=[found])], rules)))


def block(cidr: str, *excepted: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepted)} if excepted else {})}}


@pytest.mark.parametrize(
    "peer",
    [
        ANY_POD,
        {"podSelector": {"matchLabels": {"app": "api"}}},
        {**OWN, "podSelector": {"matchLabels": {"app": "api"}}},
        block("10.9.0.0/16"),
        block("10.9.7.0/24", "10.9.7.1/32"),
        block("fd00:9::/64"),
        block("20.50.60.70/32"),
        block("20.0.0.0/8"),
        block("2603:1020::/32"),
        {"ipBlock": INTERNET},
    ],
)
def test_a_rule_that_leads_where_the_fence_does_passes(peer: dict[str, Any]) -> None:
    assert leading(peer) == ""


@pytest.mark.parametrize(
    ("peer", "where"),
    [
        (block("0.0.0.0/0"), "0.0.0.0/0"),
        (block("0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), "0.0.0.0/0"),
        (block("::/0"), "::/0"),
        (block("169.254.169.254/32"), "169.254.169.254/32"),
        (block("::ffff:169.254.169.254/128"), "::ffff:169.254.169.254/128"),
        (block("10.8.0.0/16"), "10.8.0.0/16"),
        (block("10.8.0.0/15"), "10.8.0.0/15"),
        (block("fd00:8::/48"), "fd00:8::/48"),
        (block("10.226.4.0/28"), "10.226.4.0/28"),
        ({"namespaceSelector": {}}, "pods of other namespaces"),
        (
            {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "api"}}},
            "pods of other namespaces",
        ),
        (KUBE_SYSTEM, "pods of other namespaces"),
        (
            {"namespaceSelector": {**OWN["namespaceSelector"], "matchExpressions": []}},
            "pods of other namespaces",
        ),
    ],
)
def test_a_rule_that_leads_further_is_refused(peer: dict[str, Any], where: str) -> None:
    assert f"its egress rule 1 leads to {where}, from which the fence holds branches back" in leading(peer)


def test_a_rule_without_peers_leads_everywhere() -> None:
    assert "leads to everywhere" in leading()
    assert "leads to everywhere" in leading(to=[])
    assert "leads to everywhere" in leading(ports=[{"port": 443}])


def test_one_peer_of_several_is_enough_to_refuse() -> None:
    assert "10.8.0.0/16" in leading(ANY_POD, block("10.8.0.0/16"))


@pytest.mark.parametrize(
    "peer",
    [
        {**KUBE_SYSTEM, **DNS_PODS},
        {**KUBE_SYSTEM, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}},
        {**KUBE_SYSTEM, "podSelector": {"matchLabels": {"k8s-app": "node-local-dns", "tier": "dns"}}},
        {**KUBE_SYSTEM, "podSelector": {"matchExpressions": [in_k8s_app("kube-dns")]}},
        {
            **KUBE_SYSTEM,
            "podSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [in_k8s_app("kube-dns"), OTHER]},
        },
        block("169.254.10.10/31"),
        block("169.254.10.11/32"),
        block("169.254.20.10/32"),
        ANY_POD,
        block("20.50.60.70/32"),
    ],
)
def test_names_are_resolved_where_the_fence_lets_them_be(peer: dict[str, Any]) -> None:
    assert leading(peer, ports=[{"port": 53, "protocol": "UDP"}, {"port": 53}]) == ""


@pytest.mark.parametrize(
    ("peers", "where"),
    [
        ([], "everywhere"),
        ([{"namespaceSelector": {}}], "pods of other namespaces"),
        ([{"namespaceSelector": {}, **DNS_PODS}], "pods of other namespaces"),
        ([KUBE_SYSTEM], "pods of other namespaces"),
        ([{**KUBE_SYSTEM, "podSelector": {}}], "pods of other namespaces"),
        ([{**KUBE_SYSTEM, "podSelector": {"matchLabels": {"k8s-app": "metrics-server"}}}], "pods of other"),
        (
            [{**KUBE_SYSTEM, "podSelector": {"matchExpressions": [in_k8s_app("kube-dns", "x")]}}],
            "pods of other",
        ),
        ([{**KUBE_SYSTEM, "podSelector": {"matchExpressions": [NOT_DNS]}}], "pods of other namespaces"),
        ([block("0.0.0.0/0")], "0.0.0.0/0"),
        ([block("10.0.0.0/8")], "10.0.0.0/8"),
        ([block("169.254.0.0/16")], "169.254.0.0/16"),
        ([block("169.254.169.254/32")], "169.254.169.254/32"),
    ],
)
def test_a_rule_for_dns_alone_leads_no_further_than_others(peers: list[dict[str, Any]], where: str) -> None:
    assert f"leads to {where}" in leading(*peers, ports=[{"port": 53, "protocol": "UDP"}])


@pytest.mark.parametrize(
    "port", [{"port": 54}, {"port": 53, "endPort": 443}, {"port": "dns"}, {"protocol": "UDP"}]
)
def test_where_names_are_resolved_no_other_port_is_open(port: dict[str, Any]) -> None:
    assert "pods of other namespaces" in leading({**KUBE_SYSTEM, **DNS_PODS}, ports=[{"port": 53}, port])


def test_a_ports_rule_of_the_fence_covers_these_ports_alone() -> None:
    database = block("10.226.4.0/28")
    assert leading(database, ports=[{"port": 5432, "protocol": "TCP"}]) == ""
    assert leading(database, ports=[{"port": 5432}, {"port": 6432}]) == ""
    assert "10.226.4.0/28" in leading(database, ports=[{"port": 5432}, {"port": 22}])
    assert "10.226.4.0/28" in leading(database, ports=[{"port": 5432, "endPort": 6432}])
    assert "10.226.4.0/28" in leading(database, ports=[{"port": 5432, "protocol": "UDP"}])


def test_a_namespace_that_the_fence_opens_is_open_to_overlays() -> None:
    shared = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shared"}}}
    api = {"podSelector": {"matchLabels": {"app": "api"}}}
    opened = replace(FENCED, egress=({"to": [shared]},))
    assert leading(shared, rules=opened) == ""
    assert leading({**shared, **api}, rules=opened) == ""
    narrow = replace(FENCED, egress=({"to": [{**shared, **api}]},))
    assert leading({**shared, **api}, rules=narrow) == ""
    assert "other namespaces" in leading(shared, rules=narrow)
    assert leading(rules=replace(FENCED, egress=({},))) == ""


def test_what_a_branch_lets_in_is_left_to_it() -> None:
    let_in = policy(ingress=[{"from": [KUBE_SYSTEM], "ports": [{"port": 7777}]}, {}])
    assert check_objects([let_in], FENCED) == ()


def test_where_no_fence_holds_back_there_is_nothing_to_undo() -> None:
    assert leading(block("0.0.0.0/0"), rules=UNFENCED) == ""


@pytest.mark.parametrize(
    "spec",
    [
        {"egress": {}},
        {"egress": [{"to": {}}]},
        {"egress": [{"to": [{"ipBlock": "10.0.0.0/8"}]}]},
        {"egress": [{"to": [{"ipBlock": {"cidr": "all"}}]}]},
        {"egress": [{"to": [{"ipBlock": {"cidr": "20.0.0.0/8", "except": ["all"]}}]}]},
        {"egress": [{"ports": 53}]},
    ],
)
def test_what_cannot_be_read_is_refused(spec: dict[str, Any]) -> None:
    (refusal,) = check_objects([policy(**spec)], FENCED)
    assert "must be a" in refusal.reason
