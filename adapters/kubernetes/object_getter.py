"""Gets one object in an environment's namespace, in whichever version of its group is served."""

from collections.abc import Mapping
from typing import Any

from adapters.kubernetes.client import METADATA, Api
from adapters.kubernetes.discovery import Discovery
from coppice.components.application import SecretProbe
from coppice.environment.references import ObjectRef

_SECRET = ("v1", "Secret")


class ObjectGetter:
    """Gets objects, or their metadata alone.

    Args:
        api: the cluster.
        discovery: its kinds.
        secrets: reads metadata of Secrets, which no role of ours may get.
    """

    def __init__(self, api: Api, discovery: Discovery, secrets: SecretProbe) -> None:
        self._api = api
        self._discovery = discovery
        self._secrets = secrets

    def metadata(self, namespace: str, ref: ObjectRef) -> Mapping[str, Any]:
        """Get the metadata of an object; nothing else of it is sent.

        Args:
            namespace: its namespace.
            ref: the object.

        Returns:
            The metadata, as the API server has them.

        Raises:
            Gone: there is no such object.
            NotSetUp: the cluster serves its kind in no version.
            Failure: the server refused, or did not answer.
        """
        if (ref.api_version, ref.kind) == _SECRET:
            return self._secrets.metadata(namespace, ref.name)
        metadata: Mapping[str, Any] = self._get(namespace, ref, accept=METADATA)["metadata"]
        return metadata

    def document(self, namespace: str, ref: ObjectRef) -> Mapping[str, Any]:
        """Get a whole object.

        Args:
            namespace: its namespace.
            ref: the object, which is no Secret.

        Returns:
            The object.

        Raises:
            Gone: there is no such object.
            NotSetUp: the cluster serves its kind in no version.
            Failure: the server refused, or did not answer.
        """
        return self._get(namespace, ref)

    def _get(self, namespace: str, ref: ObjectRef, *, accept: str = "application/json") -> Mapping[str, Any]:
        document: Mapping[str, Any] = self._discovery.call_any_version(
            namespace, ref, lambda where: self._api.get(where, accept=accept)
        )
        return document
