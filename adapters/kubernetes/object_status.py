"""Objects of an environment's namespace as an explanation shows them: which stand, and since when."""

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.object_getter import ObjectGetter
from coppice.components.application import SecretProbe
from coppice.diagnostics.identity_checks import ANNOTATION
from coppice.diagnostics.inspection import PROVIDER_CLASS, ObjectStatus
from coppice.environment.records import ObjectRef
from coppice.manifests.fields import Malformed
from coppice.manifests.pod_templates import Pods, pods
from coppice.reconciler.errors import Gone, NotSetUp
from coppice.reconciler.times import parse_time

_VALUES = {"ConfigMap", "Secret"}  # kinds that hold an application's values, which nobody looks at


class ObjectStatusAdapter:
    """Looks at objects: at what they say of their identity, and at nothing else that they hold.

    Args:
        api: the cluster.
        discovery: its kinds.
        secrets: asks for Secrets' metadata.
    """

    def __init__(self, api: Api, discovery: Discovery, secrets: SecretProbe) -> None:
        self._objects = ObjectGetter(api, discovery, secrets)

    def sightings(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[ObjectStatus, ...]:
        """Those of the objects that stand: a call for each."""
        found = (self._status(namespace, ref) for ref in refs)
        return tuple(each for each in found if each is not None)

    def _status(self, namespace: str, ref: ObjectRef) -> ObjectStatus | None:
        try:
            document = self._document(namespace, ref)
        except (Gone, NotSetUp):  # a kind that the cluster does not know has no objects
            return None
        created = document["metadata"].get("creationTimestamp")
        client_id, tenant = _identity(ref.kind, document)
        made = _pod_template(document)
        return ObjectStatus(
            ref=ref,
            created=parse_time(created) if created else None,
            client_id=client_id,
            tenant=tenant,
            account=made.account if made else "",
            mounted=made.mounted if made else (),
        )

    def _document(self, namespace: str, ref: ObjectRef) -> Mapping[str, Any]:
        if ref.kind in _VALUES:
            return {"metadata": self._objects.metadata(namespace, ref)}
        return self._objects.document(namespace, ref)


def _identity(kind: str, document: Mapping[str, Any]) -> tuple[str, str]:
    """The client id and the tenant that an object names; of what a Secret holds nothing is looked at."""
    if kind == "ServiceAccount":
        return (document["metadata"].get("annotations") or {}).get(ANNOTATION, ""), ""
    if kind != PROVIDER_CLASS:
        return "", ""
    parameters = (document.get("spec") or {}).get("parameters") or {}
    # The provider reads `tenantID` first, and `tenantId`, which every version knows, after it.
    return parameters.get("clientID", ""), parameters.get("tenantID") or parameters.get("tenantId", "")


def _pod_template(document: Mapping[str, Any]) -> Pods | None:
    try:
        return pods(document)
    except Malformed:  # a kind that keeps something else where others keep a template
        return None
