"""The objects of an environment's namespace: applied, read, suspended, deleted."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from adapters.kubernetes import workload_failures
from adapters.kubernetes.client import Api, path
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.object_getter import ObjectGetter
from adapters.kubernetes.status_errors import NotServed
from coppice.components.application import (
    TEMPLATE,
    Live,
    Manifest,
    Rollout,
    SecretProbe,
    Trouble,
    Workload,
    going,
    reference,
)
from coppice.components.login import KEYS
from coppice.components.removal import Owned
from coppice.environment.records import ObjectRef
from coppice.reconciler.errors import Conflict, Forbidden, Gone, NotSetUp

_DELETION_RETRY = 5.0  # seconds until what is being deleted may have gone
_GATEWAY = "gateway.networking.k8s.io/v1"


class ApplicationReaderAdapter:
    """Reads what stands in environments' namespaces.

    Args:
        api: the cluster.
        discovery: its kinds.
        secrets: asks for Secrets' metadata.
    """

    def __init__(self, api: Api, discovery: Discovery, secrets: SecretProbe) -> None:
        self._api = api
        self._discovery = discovery
        self._objects = ObjectGetter(api, discovery, secrets)

    def rollout(self, namespace: str) -> Rollout:
        """Deployments, StatefulSets and what keeps them: three lists, and events where those do not say."""
        found = [
            (kind, each)
            for kind, plural in (("Deployment", "deployments"), ("StatefulSet", "statefulsets"))
            for each in self._api.items(path("apps/v1", plural, namespace=namespace))
        ]
        pods = list(self._api.items(path("v1", "pods", namespace=namespace)))
        workloads = tuple(_workload(kind, each) for kind, each in found)
        said = (
            *(trouble for kind, each in found for trouble in workload_failures.of_workload(kind, each)),
            *(trouble for pod in pods for trouble in workload_failures.of_pod(pod)),
        )
        silent = workload_failures.unexplained(workloads, said)
        warned = self._warnings(namespace, silent, pods) if silent else ()
        return Rollout(workloads=workloads, troubles=(*said, *warned))

    def _warnings(
        self, namespace: str, silent: Sequence[Workload], pods: Sequence[Mapping[str, Any]]
    ) -> tuple[Trouble, ...]:
        try:
            events = list(self._api.items(path("v1", "events", namespace=namespace), fields="type=Warning"))
        except Forbidden as error:  # by a role of an older deploy/cluster: what is known is told all the same
            return (Trouble(what=f"events of {namespace}", reason=error.code, message=error.message),)
        return workload_failures.of_events(events, silent, pods)

    def live(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[Live, ...]:
        """Those of the objects that stand: a get of the metadata of each."""
        found = (self._live(namespace, ref) for ref in refs)
        return tuple(each for each in found if each is not None)

    def _live(self, namespace: str, ref: ObjectRef) -> Live | None:
        try:
            metadata = self._metadata(namespace, ref)
        except (Gone, NotSetUp):  # a kind that the cluster does not know has no objects
            return None
        noted = ref.kind != "Secret" or _login_unchanged(metadata)
        return Live(
            ref=ref,
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            deleting="deletionTimestamp" in metadata,
            held_by=tuple(metadata.get("finalizers") or ()),
            template=(metadata.get("annotations") or {}).get(TEMPLATE, "") if noted else "",
        )

    def _metadata(self, namespace: str, ref: ObjectRef) -> Mapping[str, Any]:
        """An object that is thought to be gone is forgotten. So an answer that says so is asked for twice."""
        try:
            return self._objects.metadata(namespace, ref)
        except Gone:
            return self._objects.metadata(namespace, ref)

    def cron_jobs(self, namespace: str) -> tuple[str, ...]:
        """The CronJobs that are not suspended."""
        found = self._api.items(path("batch/v1", "cronjobs", namespace=namespace))
        return tuple(
            each["metadata"]["name"] for each in found if not (each.get("spec") or {}).get("suspend")
        )

    def hosts(self) -> Mapping[str, str]:
        """Every host that a route of any namespace claims → the namespace; a list for each kind of route."""
        return {
            host: route["metadata"]["namespace"]
            for kind in ("HTTPRoute", "GRPCRoute")
            for route in self._all(_GATEWAY, kind)
            for host in (route.get("spec") or {}).get("hostnames") or ()
        }

    def _all(self, api_version: str, kind: str) -> Iterator[Any]:
        """All objects of a kind; none of one that the cluster does not know."""
        try:
            yield from self._api.items(self._discovery.collection_path(api_version, kind))
        except NotServed:  # its definition has gone since the kinds were asked for
            self._discovery.forget()
            with contextlib.suppress(NotSetUp):
                yield from self._api.items(self._discovery.collection_path(api_version, kind))
        except NotSetUp:
            return


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
        """Server-side apply, in the very version that the manifest is written in.

        Raises:
            Conflict: the object is being deleted. It took what was applied, and goes all the same.
            NotSetUp: its kind is not served, or not in this version.
        """
        ref = reference(manifest)
        plural = self._discovery.resource(ref.api_version, ref.kind).plural
        try:
            answer = self._api.apply(
                path(ref.api_version, plural, namespace=namespace, name=ref.name), manifest
            )
        except NotServed:  # its definition has gone since the kinds were asked for
            self._discovery.forget()
            self._discovery.resource(ref.api_version, ref.kind)
            raise
        metadata = answer.get("metadata") or {}
        if "deletionTimestamp" in metadata:
            raise Conflict(going(ref, metadata.get("finalizers") or ()), retry_after=_DELETION_RETRY)

    def delete(self, namespace: str, owned: Owned[Live]) -> None:
        """Ask the very object that was read to go."""
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
        """Suspend one; one that is gone by then is no error."""
        try:
            self._api.merge(
                path("batch/v1", "cronjobs", namespace=namespace, name=name), {"spec": {"suspend": True}}
            )
        except Gone:
            return


def _login_unchanged(metadata: Mapping[str, Any]) -> bool:
    """Whether each key of a login is still as we delivered it, by the API server's account of who owns which
    field: whoever changes or removes one takes it from us, and a further key of somebody's takes nothing
    (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management).
    """
    accounts = metadata.get("managedFields") or ()
    ours = [each.get("fieldsV1") or {} for each in accounts if each.get("manager") == "coppice"]
    return {f"f:{key}" for key in KEYS} <= {key for fields in ours for key in fields.get("f:data") or ()}


def _workload(kind: str, document: Mapping[str, Any]) -> Workload:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    held_back = _pods_kept_back(spec, wanted) if kind == "StatefulSet" else 0
    # Pods of the former template count as available too: a new one that cannot start would pass as ready.
    former = max(0, status.get("replicas", 0) - updated - held_back)
    return Workload(
        ref=ObjectRef("apps/v1", kind, document["metadata"]["name"]),
        generation=document["metadata"].get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        wanted=wanted,
        updated=updated + min(held_back, status.get("replicas", 0)),
        available=max(0, status.get("availableReplicas", 0) - former),
    )


def _pods_kept_back(spec: Mapping[str, Any], wanted: int) -> int:
    """How many pods of a StatefulSet may stay at a former template for as long as nobody deletes them
    (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#update-strategies).
    """
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return wanted
    return min(wanted, (strategy.get("rollingUpdate") or {}).get("partition") or 0)
