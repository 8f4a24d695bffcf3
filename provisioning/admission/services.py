"""Services stay within the cluster: whoever comes from outside comes through a gateway, by a judged route."""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, kind_id, mapping, quote, string, strings
from provisioning.admission.policy import AdmissionPolicy


def refusals(obj: Fields, _rules: AdmissionPolicy) -> Iterator[str]:
    """What stands against a Service."""
    if kind_id(obj) != "Service":
        return
    spec = mapping(obj, "spec")
    if string(spec, "type") not in {"", "ClusterIP"}:
        yield f"its type is {quote(spec['type'])}; only ClusterIP is let through"
    for address in (string(spec, "clusterIP"), *strings(spec, "clusterIPs")):
        if address not in {"", "None"}:
            yield f"it asks for the address {quote(address)}, which may be another's; leave out its clusterIP"
