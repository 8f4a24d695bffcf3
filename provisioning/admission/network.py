"""Refuses egress rules of an overlay's NetworkPolicies that allow more than the environment's fence.

NetworkPolicies are additive: one rule that allows everything defeats the restrictions of all others. Ingress
rules are not checked: they expose only the branch itself, and the fence of each other environment restricts
its egress.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, mappings, quote, string, strings
from provisioning.admission.policy import AdmissionPolicy

_MAX_EXCEPTIONS = 100
_NAME_LABEL = "kubernetes.io/metadata.name"  # the API server sets it on each namespace


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check the egress rules of a NetworkPolicy, if the environment's fence restricts egress."""
    if kind_id(obj) != "networking.k8s.io/NetworkPolicy" or policy.egress is None:
        return
    for number, rule in enumerate(mappings(mapping(obj, "spec"), "egress"), start=1):
        ports = _ports(rule)
        fence_rules = [each for each in policy.egress if _allows_ports(_ports(each), ports)]
        for peer in mappings(rule, "to") or ({},):
            if not _in_namespace(peer, policy.namespace) and not any(
                _allows_peer(each, peer) for each in fence_rules
            ):
                yield (
                    f"its egress rule {number} leads to {_describe(peer)}, from which the fence holds "
                    "branches back; DATABASE_CIDRS, PRIVATE_CIDRS and the fence's own files open more, "
                    "for all of them"
                )


def _ports(rule: Fields) -> frozenset[tuple[str, object]]:
    """Protocol and port of each entry; empty means all ports. A range or a named port equals no number."""
    return frozenset(
        (
            string(port, "protocol") or "TCP",
            port.get("port") if isinstance(port.get("port"), int) and not port.get("endPort") else str(port),
        )
        for port in mappings(rule, "ports")
    )


def _allows_ports(allowed: frozenset[tuple[str, object]], ports: frozenset[tuple[str, object]]) -> bool:
    return not allowed or (bool(ports) and ports <= allowed)


def _in_namespace(peer: Fields, namespace: str) -> bool:
    """Whether a peer selects pods of the environment's own namespace only."""
    selector = peer.get("namespaceSelector")
    if not peer or peer.get("ipBlock") is not None:
        return False
    return selector is None or selector == {"matchLabels": {_NAME_LABEL: namespace}}


def _allows_peer(fence_rule: Fields, peer: Fields) -> bool:
    """Whether a rule of the fence allows all traffic to a peer."""
    if "to" not in fence_rule:
        return True
    return bool(peer) and any(_covers(each, peer) for each in mappings(fence_rule, "to"))


def _covers(fence_peer: Fields, peer: Fields) -> bool:
    if peer.get("ipBlock") is None or fence_peer.get("ipBlock") is None:
        return (
            peer.get("ipBlock") is fence_peer.get("ipBlock")
            and peer.get("namespaceSelector") == fence_peer.get("namespaceSelector")
            and _is_narrower(mapping(peer, "podSelector"), mapping(fence_peer, "podSelector"))
        )
    outer, inner = mapping(fence_peer, "ipBlock"), mapping(peer, "ipBlock")
    network = _network(string(inner, "cidr"))
    if not _within(network, [_network(string(outer, "cidr"))]):
        return False
    exceptions = [*map(_network, _exceptions(inner))]
    return all(
        not network.overlaps(forbidden) or _within(forbidden, exceptions)
        for forbidden in map(_network, strings(outer, "except"))
    )


def _exceptions(block: Fields) -> Sequence[str]:
    exceptions = strings(block, "except")
    if len(exceptions) > _MAX_EXCEPTIONS:
        raise Malformed(
            f"ipBlock: at most {_MAX_EXCEPTIONS} exceptions are let through, not {len(exceptions)}"
        )
    return exceptions


def _is_narrower(inner: Fields, outer: Fields) -> bool:
    """Whether a label selector has every requirement of another one."""
    requirements = _requirements(inner)
    return all(
        any(
            key == outer_key
            and operator == outer_operator
            and (values <= outer_values if operator == "In" else values == outer_values)
            for key, operator, values in requirements
        )
        for outer_key, outer_operator, outer_values in _requirements(outer)
    )


def _requirements(selector: Fields) -> Sequence[tuple[str, str, frozenset[str]]]:
    """The requirements of a label selector: key, operator and values."""
    labels = mapping(selector, "matchLabels")
    return [
        *((key, "In", frozenset({string(labels, key)})) for key in labels),
        *(
            (string(each, "key"), string(each, "operator"), frozenset(strings(each, "values")))
            for each in mappings(selector, "matchExpressions")
        ),
    ]


def _within(inner: IPv4Network | IPv6Network, outer: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(
        inner.version == each.version and inner.subnet_of(each)  # type: ignore[arg-type]  # of one version
        for each in outer
    )


@lru_cache(maxsize=1_024)  # the fence's networks are compared with each peer
def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise Malformed(f"ipBlock: {quote(text)} must be a network, as 10.1.0.0/16 is") from None


def _describe(peer: Fields) -> str:
    if not peer:
        return "everywhere"
    if peer.get("ipBlock") is not None:
        return string(mapping(peer, "ipBlock"), "cidr")[:80]
    return "pods of other namespaces"
