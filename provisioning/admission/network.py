"""Network policies of an overlay lead its pods nowhere that the environment's fence does not.

Policies only ever add up: one rule that allows everything undoes whatever the others hold back. What a branch
lets in is left to it: that exposes nobody else, and a neighbour's own fence holds back what would come.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, mappings, quote, string, strings
from provisioning.admission.policy import AdmissionPolicy

_MOST_EXCEPTED = 100
_OWN_NAME = "kubernetes.io/metadata.name"  # the API server labels each namespace with its name


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """What stands against the egress rules of a NetworkPolicy, if the environment's fence has any."""
    if kind_id(obj) != "networking.k8s.io/NetworkPolicy" or policy.egress is None:
        return
    for number, rule in enumerate(mappings(mapping(obj, "spec"), "egress"), start=1):
        ports = _ports(rule)
        open_here = [each for each in policy.egress if _ports_covered(ports, _ports(each))]
        for peer in mappings(rule, "to") or ({},):
            if not _inside(peer, policy.namespace) and not any(_leads(each, peer) for each in open_here):
                yield (
                    f"its egress rule {number} leads to {_called(peer)}, from which the fence holds branches "
                    "back; DATABASE_CIDRS, PRIVATE_CIDRS and the fence's own files open more, for all of them"
                )


def _ports(rule: Fields) -> frozenset[tuple[str, object]]:
    """Protocol and port; a range and a port that has a name are told from any number. Empty means all."""
    return frozenset(
        (
            string(port, "protocol") or "TCP",
            port.get("port") if isinstance(port.get("port"), int) and not port.get("endPort") else str(port),
        )
        for port in mappings(rule, "ports")
    )


def _ports_covered(wanted: frozenset[tuple[str, object]], opened: frozenset[tuple[str, object]]) -> bool:
    return not opened or (bool(wanted) and wanted <= opened)


def _inside(peer: Fields, namespace: str) -> bool:
    """Whether a peer is pods of the own namespace: no selector of namespaces, or one that names it."""
    selector = peer.get("namespaceSelector")
    if not peer or peer.get("ipBlock") is not None:
        return False
    return selector is None or selector == {"matchLabels": {_OWN_NAME: namespace}}


def _leads(opened: Fields, peer: Fields) -> bool:
    """Whether a rule of the fence leads wherever a peer is."""
    return "to" not in opened or (bool(peer) and any(_covers(each, peer) for each in mappings(opened, "to")))


def _covers(opened: Fields, peer: Fields) -> bool:
    if peer.get("ipBlock") is None or opened.get("ipBlock") is None:
        return (
            peer.get("ipBlock") is opened.get("ipBlock")
            and peer.get("namespaceSelector") == opened.get("namespaceSelector")
            and _narrower(mapping(peer, "podSelector"), mapping(opened, "podSelector"))
        )
    outer, inner = mapping(opened, "ipBlock"), mapping(peer, "ipBlock")
    network = _network(string(inner, "cidr"))
    if not _within(network, [_network(string(outer, "cidr"))]):
        return False
    left_out = [*map(_network, _excepted(inner))]
    return all(
        not network.overlaps(closed) or _within(closed, left_out)
        for closed in map(_network, strings(outer, "except"))
    )


def _excepted(block: Fields) -> Sequence[str]:
    excepted = strings(block, "except")
    if len(excepted) > _MOST_EXCEPTED:
        raise Malformed(f"ipBlock: at most {_MOST_EXCEPTED} exceptions are let through, not {len(excepted)}")
    return excepted


def _narrower(inner: Fields, outer: Fields) -> bool:
    """Whether a selector of labels asks for all that another one does."""
    asked = _requirements(inner)
    return all(
        any(
            key == wanted and operator == how and (values <= those if how == "In" else values == those)
            for key, operator, values in asked
        )
        for wanted, how, those in _requirements(outer)
    )


def _requirements(selector: Fields) -> Sequence[tuple[str, str, frozenset[str]]]:
    """What a selector asks for: a label's name, how it is compared, and with what."""
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


@lru_cache(maxsize=1_024)  # the fence's own come up again with each peer
def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise Malformed(f"ipBlock: {quote(text)} must be a network, as 10.1.0.0/16 is") from None


def _called(peer: Fields) -> str:
    if not peer:
        return "everywhere"
    if peer.get("ipBlock") is not None:
        return string(mapping(peer, "ipBlock"), "cidr")[:80]
    return "pods of other namespaces"
