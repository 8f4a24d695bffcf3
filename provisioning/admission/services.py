"""Keeps Services inside the cluster: traffic from outside enters through a gateway, by a checked route."""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, kind_id, mapping, quote, string, strings
from provisioning.admission.policy import AdmissionPolicy


def refusals(obj: Fields, _policy: AdmissionPolicy) -> Iterator[str]:
    """Check a Service."""
    if kind_id(obj) != "Service":
        return
    spec = mapping(obj, "spec")
    if string(spec, "type") not in {"", "ClusterIP"}:
        yield f"its type is {quote(spec['type'])}; only ClusterIP is let through"
    for address in (string(spec, "clusterIP"), *strings(spec, "clusterIPs")):
        if address not in {"", "None"}:
            yield f"it asks for the address {quote(address)}, which may be another's; leave out its clusterIP"
