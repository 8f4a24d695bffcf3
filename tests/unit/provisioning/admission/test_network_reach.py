"""Whatever egress an overlay is let through with, the fence that is shipped holds its pods as before."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from provisioning.admission import check_objects
from provisioning.fence import fence
from tests.unit.provisioning.admission.test_network import (
    ANY_POD,
    FENCED,
    INTERNET,
    KUBE_SYSTEM,
    OWN,
    TERMS,
    block,
    policy,
)
from tests.unit.provisioning.network import Peer, lets_through

ADDRESSES = st.sampled_from(
    [
        *("10.8.0.5", "10.9.0.5", "10.226.4.4", "169.254.169.254", "168.63.129.16", "172.16.0.1"),
        *("20.50.60.70", "fd00:8::1", "2603:1020::1", "169.254.10.10", "169.254.20.10"),
    ]
)
NETWORKS = st.sampled_from(
    [
        *("0.0.0.0/0", "::/0", "10.0.0.0/8", "10.8.0.0/15", "10.9.0.0/16", "10.9.0.0/24", "10.226.4.0/28"),
        *("168.0.0.0/6", "168.63.129.16/32", "20.0.0.0/8", "2000::/3", "2603:1020::/32"),
        *("169.254.0.0/16", "169.254.10.10/31", "169.254.20.10/32"),
    ]
)
EXPRESSIONS = st.builds(
    lambda operator, values: {
        "key": "k8s-app",
        "operator": operator,
        **({"values": values} if operator in {"In", "NotIn"} else {}),
    },
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(st.sampled_from(["kube-dns", "node-local-dns", "metrics-server"]), min_size=1, unique=True),
)
SELECTORS = st.builds(
    lambda labels, expressions: {
        **({"matchLabels": {"k8s-app": labels}} if labels else {}),
        **({"matchExpressions": expressions} if expressions else {}),
    },
    st.sampled_from(["", "kube-dns", "node-local-dns", "metrics-server"]),
    st.lists(EXPRESSIONS, max_size=2),
)
PEERS = st.one_of(
    st.builds(block, NETWORKS),
    st.builds(block, NETWORKS, NETWORKS),
    st.just({"ipBlock": INTERNET}),
    st.sampled_from([ANY_POD, OWN, KUBE_SYSTEM, {"namespaceSelector": {}}]),
    st.builds(
        lambda namespaces, pods: {**namespaces, "podSelector": pods},
        st.sampled_from([OWN, KUBE_SYSTEM, {"namespaceSelector": {}}]),
        SELECTORS,
    ),
)
RULES_ = st.builds(
    lambda peers, ports: {**({"to": peers} if peers else {}), **({"ports": ports} if ports else {})},
    st.lists(PEERS, max_size=2),
    st.lists(
        st.sampled_from(
            [
                *({"port": 443}, {"port": 5432}, {"port": 400, "endPort": 6000}, {"port": 1, "endPort": 99}),
                *({"port": 53}, {"port": 53, "protocol": "UDP"}),
            ]
        ),
        max_size=2,
    ),
)
BUILT = [each for each in fence(TERMS, "feature-login", ()) if each["kind"] == "NetworkPolicy"]
PODS = [
    Peer(address="10.244.1.8", namespace="feature-other"),
    Peer(address="10.244.1.9", namespace="feature-other", labels={"k8s-app": "kube-dns"}),
    *(
        Peer(address="10.244.3.4", namespace="kube-system", labels={"k8s-app": each})
        for each in ("kube-dns", "node-local-dns", "metrics-server")
    ),
]


@given(st.lists(RULES_, max_size=3), ADDRESSES, st.sampled_from([53, 443, 5432, 5671]))
@example([{"to": [block("10.0.0.0/8")], "ports": [{"port": 53}]}], "10.8.0.5", 53)
@example([{"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}], "10.8.0.5", 53)
def test_whatever_an_overlay_is_let_through_with_its_pods_get_no_further_than_the_fence(
    rules: list[dict[str, Any]], address: str, port: int
) -> None:
    passing = [rule for rule in rules if not check_objects([policy(egress=[rule])], FENCED)]
    mine = policy(egress=passing, policyTypes=["Egress"])
    for peer in [Peer(address=address), *PODS]:
        for protocol in ("TCP", "UDP"):
            with_it, without = (
                lets_through(
                    *(each, "Egress", peer),
                    namespace="feature-login",
                    labels={},
                    port=port,
                    protocol=protocol,
                )
                for each in ([*BUILT, mine], BUILT)
            )
            assert with_it == without
