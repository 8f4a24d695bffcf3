"""Gets one object of an environment's namespace, in whichever version of its group is served."""

from collections.abc import Mapping
from typing import Any

from adapters.kubernetes.client import METADATA, Api
from adapters.kubernetes.discovery import Discovery
from coppice.components.application import SecretProbe
from coppice.environment.records import ObjectRef

_SECRET = ("v1", "Secret")


class ObjectGetter:
    """Gets objects: whole, or their metadata alone. Of a Secret there is no more than the metadata.

    Args:
        api: the cluster.
        discovery: its kinds.
        secrets: asks for Secrets' metadata, since no role lets anyone get a Secret.
    """

    def __init__(self, api: Api, discovery: Discovery, secrets: SecretProbe) -> None:
        self._api = api
        self._discovery = discovery
        self._secrets = secrets

    def metadata(self, namespace: str, ref: ObjectRef) -> Mapping[str, Any]:
        """An object's metadata; nothing else of it is sent.

        Args:
            namespace: its namespace.
            ref: the object.

        Returns:
            The metadata, as the API server has them.

        Raises:
            Gone: there is no such object.
            NotSetUp: the cluster knows its kind in no version.
            Failure: as the server answered.
        """
        if (ref.api_version, ref.kind) == _SECRET:
            return self._secrets.metadata(namespace, ref.name)
        metadata: Mapping[str, Any] = self._get(namespace, ref, accept=METADATA)["metadata"]
        return metadata

    def document(self, namespace: str, ref: ObjectRef) -> Mapping[str, Any]:
        """A whole object, which is none of a kind that holds values of an application.

        Args:
            namespace: its namespace.
            ref: the object.

        Returns:
            The object.

        Raises:
            Gone: there is no such object.
            NotSetUp: the cluster knows its kind in no version.
            Failure: as the server answered.
        """
        return self._get(namespace, ref)

    def _get(self, namespace: str, ref: ObjectRef, *, accept: str = "application/json") -> Mapping[str, Any]:
        document: Mapping[str, Any] = self._discovery.call_any_version(
            namespace, ref, lambda where: self._api.get(where, accept=accept)
        )
        return document
