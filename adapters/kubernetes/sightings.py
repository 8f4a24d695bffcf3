"""Objects of an environment's namespace as an explanation shows them: which stand, and since when."""

from collections.abc import Iterable
from datetime import datetime

from adapters.kubernetes.client import Api, path
from adapters.kubernetes.discovery import Discovery
from branches.books import ObjectRef
from branches.chain import ANNOTATION
from branches.closer import Sighting
from loop.errors import Gone, NotSetUp


class SightingReaderAdapter:
    """Looks at objects.

    Args:
        api: the cluster.
        discovery: its kinds.
    """

    def __init__(self, api: Api, discovery: Discovery) -> None:
        self._api = api
        self._discovery = discovery

    def sightings(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[Sighting, ...]:
        """Those of the objects that stand: a call for each."""
        found = (self._sighting(namespace, ref) for ref in refs)
        return tuple(each for each in found if each is not None)

    def _sighting(self, namespace: str, ref: ObjectRef) -> Sighting | None:
        try:
            resource = self._discovery.resource(ref.api_version, ref.kind)
            where = path(ref.api_version, resource.plural, namespace=namespace, name=ref.name)
            # An empty patch changes nothing and answers with the object. So no role has to read Secrets.
            metadata = self._api.merge(where, {})["metadata"]
        except (Gone, NotSetUp):  # a kind that the cluster does not know has no objects
            return None
        created, annotations = metadata.get("creationTimestamp"), metadata.get("annotations") or {}
        return Sighting(
            ref=ref,
            created=datetime.fromisoformat(created) if created else None,
            client_id=annotations.get(ANNOTATION, "") if ref.kind == "ServiceAccount" else "",
        )
