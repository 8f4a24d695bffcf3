"""Whether NetworkPolicies let a connection through, by the words of their specification.

https://kubernetes.io/docs/concepts/services-networking/network-policies/. It is told an address for every
peer, as the packets have: a network of a policy takes in pods too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

_PEERS = {"Ingress": "from", "Egress": "to"}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """The other end of a connection.

    Attributes:
        address: its address.
        namespace: the namespace of a pod; empty for what is no pod.
        labels: the pod's.
        own_node: whether it is the node on which the pod in question runs.
    """

    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    own_node: bool = False


def lets_through(
    policies: Iterable[Mapping[str, Any]],
    direction: str,
    peer: Peer,
    *,
    namespace: str,
    labels: Mapping[str, str],
    port: int,
    protocol: str = "TCP",
) -> bool:
    """Whether the policies let a pod be reached by a peer (`Ingress`), or reach it (`Egress`).

    Args:
        policies: all that stand on the cluster.
        direction: as seen from the pod.
        peer: the other end.
        namespace: the pod's.
        labels: the pod's.
        port: the port that is connected to.
        protocol: of the connection.
    """
    if peer.own_node:
        return True  # "traffic to and from the node where a Pod is running is always allowed"
    isolating = [
        policy["spec"]
        for policy in policies
        if policy["kind"] == "NetworkPolicy"
        and policy["metadata"]["namespace"] == namespace
        and _selects(policy["spec"]["podSelector"], labels)
        and direction in _types(policy["spec"])
    ]
    rules = [rule for spec in isolating for rule in spec.get(direction.lower()) or ()]
    return not isolating or any(
        _to_port(rule.get("ports"), port, protocol)
        and (
            not rule.get(_PEERS[direction])
            or any(_is(each, peer, namespace) for each in rule[_PEERS[direction]])
        )
        for rule in rules
    )


def _types(spec: Mapping[str, Any]) -> list[str]:
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _to_port(ports: list[Mapping[str, Any]] | None, port: int, protocol: str) -> bool:
    return not ports or any(
        each.get("protocol", "TCP") == protocol
        and (
            "port" not in each
            or (isinstance(each["port"], int) and each["port"] <= port <= each.get("endPort", each["port"]))
        )
        for each in ports
    )


def _is(described: Mapping[str, Any], peer: Peer, namespace: str) -> bool:
    if block := described.get("ipBlock"):
        address = ip_address(peer.address)
        outside = any(address in ip_network(each) for each in block.get("except") or ())
        return address in ip_network(block["cidr"]) and not outside
    if not peer.namespace:
        return False
    of_namespace = described.get("namespaceSelector")
    if of_namespace is None:
        here = peer.namespace == namespace
    else:
        here = _selects(of_namespace, {"kubernetes.io/metadata.name": peer.namespace})
    return here and _selects(described.get("podSelector") or {}, peer.labels)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return (selector.get("matchLabels") or {}).items() <= labels.items() and all(
        _meets(each, labels) for each in selector.get("matchExpressions") or ()
    )


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise ValueError(other)
