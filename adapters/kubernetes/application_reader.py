"""The objects in an environment's namespace, as a run observes them."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from adapters.kubernetes import workload_failures
from adapters.kubernetes.client import Api
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.object_getter import ObjectGetter
from adapters.kubernetes.paths import path
from adapters.kubernetes.status_errors import NotServed
from coppice.components.application import TEMPLATE, Live, SecretProbe
from coppice.components.login import KEYS
from coppice.components.rollout import Rollout, Trouble, Workload
from coppice.environment.references import ObjectRef
from coppice.reconciler.concurrency import side_by_side
from coppice.reconciler.errors import Forbidden, Gone, NotSetUp

_GATEWAY = "gateway.networking.k8s.io/v1"


class ApplicationReaderAdapter:
    """Reads objects in environments' namespaces.

    Args:
        api: the cluster.
        discovery: its kinds.
        secrets: reads metadata of Secrets.
    """

    def __init__(self, api: Api, discovery: Discovery, secrets: SecretProbe) -> None:
        self._api = api
        self._discovery = discovery
        self._objects = ObjectGetter(api, discovery, secrets)

    def rollout(self, namespace: str) -> Rollout:
        """Read how far the workloads of a namespace have come, and what keeps them from being ready.

        It takes two lists. If a workload is not ready, it also takes the pods, and the events if nothing else
        explains it.

        Args:
            namespace: the namespace.

        Returns:
            Its Deployments and StatefulSets, with their troubles.

        Raises:
            Failure: the server refused, or did not answer.
        """
        deployments, stateful_sets = side_by_side(
            *(
                partial(self._list, path("apps/v1", plural, namespace=namespace))
                for plural in ("deployments", "statefulsets")
            )
        )
        found = [
            *(("Deployment", each) for each in deployments),
            *(("StatefulSet", each) for each in stateful_sets),
        ]
        workloads = tuple(_workload(kind, each) for kind, each in found)
        if all(each.ready for each in workloads):
            return Rollout(workloads=workloads)
        pods = self._list(path("v1", "pods", namespace=namespace))
        known = (
            *(trouble for kind, each in found for trouble in workload_failures.of_workload(kind, each)),
            *(trouble for pod in pods for trouble in workload_failures.of_pod(pod)),
        )
        unexplained = workload_failures.unexplained(workloads, known)
        from_events = self._warnings(namespace, unexplained, pods) if unexplained else ()
        return Rollout(workloads=workloads, troubles=(*known, *from_events))

    def _list(self, collection: str) -> list[Any]:
        return list(self._api.items(collection))

    def _warnings(
        self, namespace: str, unexplained: Sequence[Workload], pods: Sequence[Mapping[str, Any]]
    ) -> tuple[Trouble, ...]:
        try:
            events = list(self._api.items(path("v1", "events", namespace=namespace), fields="type=Warning"))
        except (
            Forbidden
        ) as error:  # the role of an older deploy/cluster: what is known is reported all the same
            return (Trouble(what=f"events of {namespace}", reason=error.code, message=error.message),)
        return workload_failures.of_events(events, unexplained, pods)

    def live(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[Live, ...]:
        """Read which of some objects exist, by a get of the metadata of each.

        Args:
            namespace: their namespace.
            refs: the objects.

        Returns:
            Those that exist.

        Raises:
            Failure: the server refused, or did not answer.
        """
        found = side_by_side(*(partial(self._live, namespace, ref) for ref in refs))
        return tuple(each for each in found if each is not None)

    def _live(self, namespace: str, ref: ObjectRef) -> Live | None:
        try:
            metadata = self._metadata(namespace, ref)
        except (Gone, NotSetUp):  # a kind that is not served has no objects
            return None
        valid = ref.kind != "Secret" or _login_unchanged(metadata)
        return Live(
            ref=ref,
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            deleting="deletionTimestamp" in metadata,
            held_by=tuple(metadata.get("finalizers") or ()),
            template=(metadata.get("annotations") or {}).get(TEMPLATE, "") if valid else "",
        )

    def _metadata(self, namespace: str, ref: ObjectRef) -> Mapping[str, Any]:
        """Read metadata. A 404 has to come twice: an object that counts as gone leaves the record."""
        try:
            return self._objects.metadata(namespace, ref)
        except Gone:
            return self._objects.metadata(namespace, ref)

    def cron_jobs(self, namespace: str) -> tuple[str, ...]:
        """List the CronJobs that are not suspended.

        Args:
            namespace: the namespace.

        Returns:
            Their names.

        Raises:
            Failure: the server refused, or did not answer.
        """
        found = self._api.items(path("batch/v1", "cronjobs", namespace=namespace))
        return tuple(
            each["metadata"]["name"] for each in found if not (each.get("spec") or {}).get("suspend")
        )

    def hosts(self) -> Mapping[str, str]:
        """List the hosts that routes of any namespace claim; one list for each kind of route.

        Returns:
            Host → the namespace of its route.

        Raises:
            Failure: the server refused, or did not answer.
        """
        kinds = ("HTTPRoute", "GRPCRoute")
        lists = side_by_side(*(partial(self._all, _GATEWAY, kind) for kind in kinds))
        return {
            host: route["metadata"]["namespace"]
            for routes in lists
            for route in routes
            for host in (route.get("spec") or {}).get("hostnames") or ()
        }

    def _all(self, api_version: str, kind: str) -> list[Any]:
        """List all objects of a kind; none of a kind that is not served."""
        try:
            return self._list(self._discovery.collection_path(api_version, kind))
        except NotServed:  # its definition is gone since discovery
            self._discovery.forget()
            with contextlib.suppress(NotSetUp):
                return self._list(self._discovery.collection_path(api_version, kind))
            return []
        except NotSetUp:
            return []


def _login_unchanged(metadata: Mapping[str, Any]) -> bool:
    """Whether nobody has changed or removed a key of a login since it was delivered.

    Then `coppice` still manages each of its keys. Whoever changes a key becomes its manager; a key that
    somebody adds does not matter
    (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management).
    """
    accounts = metadata.get("managedFields") or ()
    ours = [each.get("fieldsV1") or {} for each in accounts if each.get("manager") == "coppice"]
    return {f"f:{key}" for key in KEYS} <= {key for fields in ours for key in fields.get("f:data") or ()}


def _workload(kind: str, document: Mapping[str, Any]) -> Workload:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    held_back = _pods_kept_back(spec, wanted) if kind == "StatefulSet" else 0
    # Pods of the former template count as available too. With them, a new pod that cannot start would count
    # as ready.
    former = max(0, status.get("replicas", 0) - updated - held_back)
    return Workload(
        ref=ObjectRef("apps/v1", kind, document["metadata"]["name"]),
        generation=document["metadata"].get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        desired=wanted,
        updated=updated + min(held_back, status.get("replicas", 0)),
        available=max(0, status.get("availableReplicas", 0) - former),
    )


def _pods_kept_back(spec: Mapping[str, Any], wanted: int) -> int:
    """How many pods of a StatefulSet keep a former template until somebody deletes them
    (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#update-strategies).
    """
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return wanted
    return min(wanted, (strategy.get("rollingUpdate") or {}).get("partition") or 0)
