"""The fence that is shipped, held against everyone a branch might meet on the network."""

from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provisioning.fence import FenceConfig, fence
from provisioning.fence_files import load
from tests.unit.provisioning.network import Peer, lets_through

FILES = Path(__file__).parents[3] / "fence"
TEMPLATES = load({file.name: file.read_text() for file in FILES.glob("*.yaml")})
HERE = "feature-login"

GATEWAY, DATABASE, PRIVATE = "10.225.0.0/24", "10.226.4.0/28", "10.9.0.0/16"
CONFIGURED = FenceConfig(
    templates=TEMPLATES,
    gateway=(GATEWAY, "fd12:3456::/64"),
    database=(DATABASE,),
    private=(PRIVATE, "172.20.5.0/24", "fd00:9::/48"),
)
BARE = FenceConfig(templates=TEMPLATES)

OWN_POD = Peer(address="10.244.1.7", namespace=HERE, labels={"app": "api"})
NEIGHBOUR = Peer(address="10.244.1.8", namespace="feature-other", labels={"app": "api"})
STAGING = Peer(address="10.244.2.9", namespace="staging", labels={"app": "postgres"})
METRICS = Peer(address="10.244.3.3", namespace="kube-system", labels={"rsName": "ama-metrics"})
DISGUISED = Peer(
    address="10.244.1.9", namespace="feature-other", labels={"rsName": "ama-metrics", "k8s-app": "kube-dns"}
)
COREDNS = Peer(address="10.244.3.4", namespace="kube-system", labels={"k8s-app": "kube-dns"})
DNS_CACHE = Peer(address="10.244.3.5", namespace="kube-system", labels={"k8s-app": "node-local-dns"})
OTHER_SYSTEM_POD = Peer(address="10.244.3.6", namespace="kube-system", labels={"k8s-app": "metrics-server"})
OWN_NODE = Peer(address="10.224.0.4", own_node=True)
OTHER_NODE = Peer(address="10.224.0.5")


def at(address: str) -> Peer:
    return Peer(address=address)


def lets(config: FenceConfig, direction: str, peer: Peer, port: int, protocol: str = "TCP") -> bool:
    policies = fence(config, HERE, ())
    return lets_through(
        policies, direction, peer, namespace=HERE, labels={"app": "web"}, port=port, protocol=protocol
    )


@pytest.mark.parametrize(
    ("who", "peer", "allowed"),
    [
        ("its own namespace", OWN_POD, True),
        ("the gateway", at("10.225.0.17"), True),
        ("the gateway, by IPv6", at("fd12:3456::17"), True),
        ("Azure's monitoring", METRICS, True),
        ("its node's kubelet, which probes it", OWN_NODE, True),
        ("a neighbour", NEIGHBOUR, False),
        ("a neighbour that bears monitoring's labels", DISGUISED, False),
        ("staging", STAGING, False),
        ("another pod of kube-system", OTHER_SYSTEM_POD, False),
        ("another node", OTHER_NODE, False),
        ("the network beside the gateway's", at("10.225.1.17"), False),
        ("a private network that it may reach itself", at("10.9.0.5"), False),
        ("the database server", at("10.226.4.4"), False),
        ("the internet", at("20.50.60.70"), False),
        ("the internet, by IPv6", at("2603:1020::1"), False),
    ],
)
def test_who_gets_in(who: str, peer: Peer, allowed: bool) -> None:
    assert lets(CONFIGURED, "Ingress", peer, 8080) is allowed, who


@pytest.mark.parametrize(
    ("where", "peer", "port", "allowed"),
    [
        ("its own namespace", OWN_POD, 8080, True),
        ("the cluster's DNS", COREDNS, 53, True),
        ("the DNS cache of its node, as a pod", DNS_CACHE, 53, True),
        ("AKS' LocalDNS for pods", at("169.254.10.11"), 53, True),
        ("AKS' LocalDNS for nodes", at("169.254.10.10"), 53, True),
        ("NodeLocal DNSCache", at("169.254.20.10"), 53, True),
        ("the database server", at("10.226.4.4"), 5432, True),
        ("the database server's PgBouncer", at("10.226.4.4"), 6432, True),
        ("a private network that is configured", at("10.9.0.5"), 443, True),
        ("another one that is configured", at("172.20.5.1"), 25, True),
        ("one that is configured, by IPv6", at("fd00:9::5"), 443, True),
        ("the internet", at("20.50.60.70"), 443, True),
        ("the internet, another port", at("20.50.60.70"), 5671, True),
        ("the internet, by IPv6", at("2603:1020::1"), 443, True),
        ("a neighbour", NEIGHBOUR, 8080, False),
        ("a neighbour, where DNS would answer", NEIGHBOUR, 53, False),
        ("a neighbour that bears DNS' labels", DISGUISED, 53, False),
        ("staging", STAGING, 5432, False),
        ("the cluster's DNS, another port", COREDNS, 9153, False),
        ("another pod of kube-system", OTHER_SYSTEM_POD, 443, False),
        ("what listens beside LocalDNS", at("169.254.10.11"), 80, False),
        ("the database server's other ports", at("10.226.4.4"), 22, False),
        ("the network beside the database server's", at("10.226.4.40"), 5432, False),
        ("a private network that is not configured", at("10.8.0.5"), 443, False),
        ("a private network 172.16", at("172.20.6.1"), 443, False),
        ("a private network 192.168", at("192.168.1.1"), 443, False),
        ("carriers' shared addresses", at("100.64.0.1"), 443, False),
        ("a private network, by IPv6", at("fd00:8::5"), 443, False),
        ("link-local addresses, by IPv6", at("fe80::1"), 443, False),
        ("10.8.0.5 wrapped in IPv6 as 6to4", at("2002:a08:5::1"), 443, False),
        ("10.8.0.5 wrapped in IPv6 by NAT64", at("64:ff9b::a08:5"), 443, False),
        ("10.8.0.5 wrapped in IPv6 as mapped", at("::ffff:10.8.0.5"), 443, False),
        ("the node's identity (IMDS)", at("169.254.169.254"), 80, False),
        ("the node's identity, where DNS would answer", at("169.254.169.254"), 53, False),
        ("Azure's services for the node", at("168.63.129.16"), 80, False),
        ("Azure's services for the node, another port", at("168.63.129.16"), 32526, False),
        ("the API server's address in the cluster", at("10.0.0.1"), 443, False),
        ("another node's kubelet", OTHER_NODE, 10250, False),
        ("the gateway", at("10.225.0.17"), 443, False),
        ("multicast", at("224.0.0.251"), 5353, False),
        ("addresses of examples", at("192.0.2.1"), 443, False),
        ("addresses of examples, by IPv6", at("3fff::1"), 443, False),
        ("itself, by loopback of the node", at("127.0.0.1"), 80, False),
    ],
)
def test_where_it_gets_to(where: str, peer: Peer, port: int, allowed: bool) -> None:
    assert lets(CONFIGURED, "Egress", peer, port) is allowed, where


@pytest.mark.parametrize("resolver", [COREDNS, DNS_CACHE, at("169.254.10.11"), at("169.254.20.10")])
def test_names_are_resolved_by_udp_as_well(resolver: Peer) -> None:
    assert lets(CONFIGURED, "Egress", resolver, 53, "UDP")


def test_without_networks_in_the_settings_the_fence_is_closed_to_them() -> None:
    assert not lets(BARE, "Ingress", at("10.225.0.17"), 8080)
    assert not lets(BARE, "Egress", at("10.226.4.4"), 5432)
    assert not lets(BARE, "Egress", at("10.9.0.5"), 443)
    assert lets(BARE, "Ingress", OWN_POD, 8080)
    assert lets(BARE, "Egress", at("20.50.60.70"), 443)


@pytest.mark.parametrize("config", [BARE, CONFIGURED])
def test_no_rule_is_left_with_an_empty_list_of_peers_which_would_mean_everybody(config: FenceConfig) -> None:
    policies = [each for each in fence(config, HERE, ()) if each["kind"] == "NetworkPolicy"]
    rules = [
        (rule, field)
        for policy in policies
        for direction, field in (("ingress", "from"), ("egress", "to"))
        for rule in policy["spec"].get(direction, ())
    ]
    assert rules
    assert all(rule[field] for rule, field in rules)


def test_taking_a_policy_out_never_opens_anything() -> None:
    policies = [each for each in fence(CONFIGURED, HERE, ()) if each["kind"] == "NetworkPolicy"]
    strangers = [NEIGHBOUR, STAGING, OTHER_NODE, at("10.8.0.5"), at("169.254.169.254")]
    for one in policies:
        rest = [each for each in policies if each is not one]
        for peer in strangers:
            for direction in ("Ingress", "Egress"):
                assert not lets_through(rest, direction, peer, namespace=HERE, labels={}, port=80)


PRIVATE_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
NETWORKS = st.lists(
    st.builds(
        lambda address, bits: str(ip_network((int(address), bits), strict=False)),
        st.ip_addresses(v=4, network="10.0.0.0/8"),
        st.integers(min_value=8, max_value=32),
    ),
    max_size=4,
)


@given(
    private=NETWORKS,
    address=st.one_of([st.ip_addresses(v=4, network=each) for each in PRIVATE_RANGES]),
    port=st.integers(min_value=1, max_value=65535).filter(lambda port: port != 53),
)
@example(private=["10.0.0.0/8"], address=IPv4Address("10.0.0.0"), port=1)
def test_of_private_and_link_local_addresses_it_reaches_those_that_are_configured_and_no_other(
    private: list[str], address: IPv4Address, port: int
) -> None:
    config = FenceConfig(templates=TEMPLATES, private=tuple(private))
    configured = any(address in ip_network(each) for each in private)
    assert lets(config, "Egress", at(str(address)), port) is configured


@given(st.ip_addresses())
def test_what_it_reaches_unasked_is_an_address_of_the_internet(address: IPv4Address | IPv6Address) -> None:
    if lets(BARE, "Egress", at(str(address)), 443):
        assert address.is_global
