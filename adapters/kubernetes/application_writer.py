"""The objects in an environment's namespace: applied, suspended and deleted."""

from adapters.kubernetes.client import Api
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.paths import path
from adapters.kubernetes.status_errors import NotServed
from coppice.components.application import Live, Manifest, going, reference
from coppice.components.removal import Owned
from coppice.reconciler.errors import Conflict, Gone

_DELETION_RETRY = 5.0  # seconds until an object that is being deleted may be gone


class ApplicationWriterAdapter:
    """Applies and deletes objects in environments' namespaces.

    Args:
        api: the cluster.
        discovery: its kinds.
    """

    def __init__(self, api: Api, discovery: Discovery) -> None:
        self._api = api
        self._discovery = discovery

    def apply(self, namespace: str, manifest: Manifest) -> None:
        """Apply an object by server-side apply, in the version that its manifest is written in.

        Args:
            namespace: its namespace.
            manifest: the object.

        Raises:
            Conflict: the object is being deleted. The server accepts the apply, and deletes the object.
            NotSetUp: its kind is not served, or not in this version.
            Failure: the server refused, or did not answer.
        """
        ref = reference(manifest)
        plural = self._discovery.resource(ref.api_version, ref.kind).plural
        try:
            answer = self._api.apply(
                path(ref.api_version, plural, namespace=namespace, name=ref.name), manifest
            )
        except NotServed:  # its definition is gone since discovery
            self._discovery.forget()
            self._discovery.resource(ref.api_version, ref.kind)
            raise
        metadata = answer.get("metadata") or {}
        if "deletionTimestamp" in metadata:
            raise Conflict(going(ref, metadata.get("finalizers") or ()), retry_after=_DELETION_RETRY)

    def delete(self, namespace: str, owned: Owned[Live]) -> None:
        """Delete the object that was read, by its uid.

        Args:
            namespace: its namespace.
            owned: the object, with proof that it is ours.

        Raises:
            Conflict: another object has its name by now.
            Failure: the server refused, or did not answer.
        """
        self._discovery.call_any_version(
            namespace, owned.subject.ref, lambda where: self._api.delete(where, uid=owned.subject.uid)
        )


class CronJobSuspenderAdapter:
    """Suspends CronJobs.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def suspend(self, namespace: str, name: str) -> None:
        """Suspend a CronJob. It is no error if the CronJob is gone.

        Args:
            namespace: its namespace.
            name: its name.

        Raises:
            Failure: the server refused, or did not answer.
        """
        try:
            self._api.merge(
                path("batch/v1", "cronjobs", namespace=namespace, name=name), {"spec": {"suspend": True}}
            )
        except Gone:
            return
