"""Objects of an environment's namespace as an explanation shows them: which stand, and since when."""

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.discovery import Discovery
from coppice.diagnostics.identity_checks import ANNOTATION
from coppice.diagnostics.inspection import PROVIDER_CLASS, ObjectStatus
from coppice.environment.records import ObjectRef
from coppice.manifests.fields import Malformed
from coppice.manifests.pod_templates import Pods, pods
from coppice.reconciler.errors import Gone, NotSetUp
from coppice.reconciler.times import parse_time


class ObjectStatusAdapter:
    """Looks at objects: at what they say of their identity, and at nothing else that they hold.

    Args:
        api: the cluster.
        discovery: its kinds.
    """

    def __init__(self, api: Api, discovery: Discovery) -> None:
        self._api = api
        self._discovery = discovery

    def sightings(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[ObjectStatus, ...]:
        """Those of the objects that stand: a call for each."""
        found = (self._sighting(namespace, ref) for ref in refs)
        return tuple(each for each in found if each is not None)

    def _sighting(self, namespace: str, ref: ObjectRef) -> ObjectStatus | None:
        try:
            # An empty patch changes nothing and answers with the object. So no role has to read Secrets.
            document = self._discovery.reach(namespace, ref, lambda where: self._api.merge(where, {}))
        except (Gone, NotSetUp):  # a kind that the cluster does not know has no objects
            return None
        created = document["metadata"].get("creationTimestamp")
        client_id, tenant = _named(ref.kind, document)
        made = _pods(document)
        return ObjectStatus(
            ref=ref,
            created=parse_time(created) if created else None,
            client_id=client_id,
            tenant=tenant,
            account=made.account if made else "",
            mounted=made.mounted if made else (),
        )


def _named(kind: str, document: Mapping[str, Any]) -> tuple[str, str]:
    """The client id and the tenant that an object names; of what a Secret holds nothing is looked at."""
    if kind == "ServiceAccount":
        return (document["metadata"].get("annotations") or {}).get(ANNOTATION, ""), ""
    if kind != PROVIDER_CLASS:
        return "", ""
    parameters = (document.get("spec") or {}).get("parameters") or {}
    # The provider reads `tenantID` first, and `tenantId`, which every version knows, after it.
    return parameters.get("clientID", ""), parameters.get("tenantID") or parameters.get("tenantId", "")


def _pods(document: Mapping[str, Any]) -> Pods | None:
    try:
        return pods(document)
    except Malformed:  # a kind that keeps something else where others keep a template
        return None
