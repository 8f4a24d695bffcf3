"""The status of an environment's objects as `GET /api/environments/…` shows it: which exist, since when, and
which identity they name.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.object_getter import ObjectGetter
from coppice.components.application import SecretProbe
from coppice.diagnostics.identity_checks import ANNOTATION
from coppice.diagnostics.inspection import PROVIDER_CLASS, ObjectStatus
from coppice.environment.references import ObjectRef
from coppice.manifests.fields import Malformed
from coppice.manifests.pod_templates import Pods, pods
from coppice.reconciler.concurrency import side_by_side
from coppice.reconciler.errors import Gone, NotSetUp
from coppice.reconciler.times import parse_time

_VALUES = {"ConfigMap", "Secret"}  # kinds that hold values of the application: their metadata are enough


class ObjectStatusAdapter:
    """Reads the status of objects.

    Args:
        api: the cluster.
        discovery: its kinds.
        secrets: reads metadata of Secrets.
    """

    def __init__(self, api: Api, discovery: Discovery, secrets: SecretProbe) -> None:
        self._objects = ObjectGetter(api, discovery, secrets)

    def statuses(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[ObjectStatus, ...]:
        """Read the status of some objects; a call for each.

        Args:
            namespace: their namespace.
            refs: the objects.

        Returns:
            The status of those that exist.

        Raises:
            Failure: the server refused, or did not answer.
        """
        found = side_by_side(*(partial(self._status, namespace, ref) for ref in refs))
        return tuple(each for each in found if each is not None)

    def _status(self, namespace: str, ref: ObjectRef) -> ObjectStatus | None:
        try:
            document = self._document(namespace, ref)
        except (Gone, NotSetUp):  # a kind that is not served has no objects
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
    """The client id and the tenant that an object names; empty for kinds that name none."""
    if kind == "ServiceAccount":
        return (document["metadata"].get("annotations") or {}).get(ANNOTATION, ""), ""
    if kind != PROVIDER_CLASS:
        return "", ""
    parameters = (document.get("spec") or {}).get("parameters") or {}
    # The provider prefers `tenantID`; older versions of it know `tenantId` alone.
    return parameters.get("clientID", ""), parameters.get("tenantID") or parameters.get("tenantId", "")


def _pod_template(document: Mapping[str, Any]) -> Pods | None:
    try:
        return pods(document)
    except Malformed:  # a kind that has something else where others have a pod template
        return None
