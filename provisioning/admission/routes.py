"""Restricts routes to the environment's own hosts, to the allowed gateways, and to its own Services.

A route without hostnames, or with a wildcard, receives the traffic for every host of its gateway, also for
those of other branches.
"""

from collections.abc import Iterator, Sequence

from coppice.manifests.fields import Fields, kind_id, mapping, mappings, quote, string, strings
from provisioning.admission.policy import AdmissionPolicy

_GATEWAY_API = "gateway.networking.k8s.io"
ROUTES = frozenset(f"{_GATEWAY_API}/{kind}Route" for kind in ("HTTP", "GRPC", "TLS", "TCP", "UDP"))
"""The kinds of routes. In objects of other kinds, a field `hostnames` claims no host."""

_WITHOUT_HOSTNAMES = frozenset(f"{_GATEWAY_API}/{kind}Route" for kind in ("TCP", "UDP"))
_POLICIES = "alb.networking.azure.io/"
_INGRESS = "networking.k8s.io/Ingress"


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check a route, an Ingress, or a policy of Application Gateway for Containers."""
    kind = kind_id(obj)
    spec = mapping(obj, "spec")
    if kind in _WITHOUT_HOSTNAMES:
        yield "a route of this kind names no host and so would answer for every one; leave it out"
    elif kind in ROUTES:
        yield from _hosts(strings(spec, "hostnames"), policy)
    if kind in ROUTES:
        for parent in mappings(spec, "parentRefs"):
            yield from _parent_ref(parent, policy)
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
    own = " and ".join(sorted(policy.hosts))
    if not hosts:
        yield f"it names no host and so would answer for every one; this environment's are {own}"
    for host in hosts:
        if host not in policy.hosts:
            yield f"the host {quote(host)} is not this environment's; its hosts are {own}"


def _parent_ref(parent: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    if string(parent, "group") not in {"", _GATEWAY_API} or string(parent, "kind") not in {"", "Gateway"}:
        yield f"its parent {quote(parent.get('name'))} is no Gateway"
        return
    gateway = f"{string(parent, 'namespace') or policy.namespace}/{string(parent, 'name')}"
    if gateway not in policy.gateways:
        allowed = ", ".join(sorted(policy.gateways)) or "none"
        yield f"its parent {quote(gateway)} is not in GATEWAYS ({allowed})"


def _references(spec: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check references to backends, mirrors, targets and certificates: all have the field `namespace`."""
    pending: list[object] = [spec]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if value.get("namespace") not in (
                None,
                "",
                policy.namespace,
            ):  # no set: the value may be unhashable
                yield (
                    f"it refers to {quote(value.get('name'))} in the namespace {quote(value['namespace'])}; "
                    f"only what is in {policy.namespace} may be referred to"
                )
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
