"""Routes claim the environment's own hosts, at the gateways named, for its own services, and nothing else.

A route without hostnames, or with a wildcard, answers for every host of its gateway: other branches' too.
"""

from collections.abc import Iterator, Sequence

from coppice.manifests.fields import Fields, kind_id, mapping, mappings, quote, string, strings
from provisioning.admission.policy import AdmissionPolicy

_GATEWAY_API = "gateway.networking.k8s.io"
ROUTES = frozenset(f"{_GATEWAY_API}/{kind}Route" for kind in ("HTTP", "GRPC", "TLS", "TCP", "UDP"))
"""The kinds of routes: whatever else has a field `hostnames`, claims no host by it."""

_HOSTLESS = frozenset(f"{_GATEWAY_API}/{kind}Route" for kind in ("TCP", "UDP"))
_POLICIES = "alb.networking.azure.io/"
_INGRESS = "networking.k8s.io/Ingress"


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """What stands against a route, an Ingress, or a policy of Application Gateway for Containers."""
    kind = kind_id(obj)
    spec = mapping(obj, "spec")
    if kind in _HOSTLESS:
        yield "a route of this kind names no host and so would answer for every one; leave it out"
    elif kind in ROUTES:
        yield from _hosts(strings(spec, "hostnames"), policy)
    if kind in ROUTES:
        for parent in mappings(spec, "parentRefs"):
            yield from _parent(parent, policy)
        yield from _references({name: spec[name] for name in spec if name != "parentRefs"}, policy)
    elif kind.startswith(_POLICIES):
        yield from _references(spec, policy)
    elif kind == _INGRESS:
        if mapping(spec, "defaultBackend"):
            yield "its defaultBackend would answer for every host"
        yield from _hosts([string(rule, "host") for rule in mappings(spec, "rules")], policy)
        for tls in mappings(spec, "tls"):
            yield from _hosts(strings(tls, "hosts"), policy)


def _hosts(hosts: Sequence[str], policy: AdmissionPolicy) -> Iterator[str]:
    known = " and ".join(sorted(policy.hosts))
    if not hosts:
        yield f"it names no host and so would answer for every one; this environment's are {known}"
    for host in hosts:
        if host not in policy.hosts:
            yield f"the host {quote(host)} is not this environment's; its hosts are {known}"


def _parent(parent: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    if string(parent, "group") not in {"", _GATEWAY_API} or string(parent, "kind") not in {"", "Gateway"}:
        yield f"its parent {quote(parent.get('name'))} is no Gateway"
        return
    gateway = f"{string(parent, 'namespace') or policy.namespace}/{string(parent, 'name')}"
    if gateway not in policy.gateways:
        known = ", ".join(sorted(policy.gateways)) or "none"
        yield f"its parent {quote(gateway)} is not in GATEWAYS ({known})"


def _references(spec: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """What is referred to (backends, mirrors, targets, certificates) names its namespace in one way."""
    waiting: list[object] = [spec]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.get("namespace") not in (None, "", policy.namespace):  # a tuple: it may be a list
                yield (
                    f"it refers to {quote(value.get('name'))} in the namespace {quote(value['namespace'])}; "
                    f"only what is in {policy.namespace} may be referred to"
                )
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
