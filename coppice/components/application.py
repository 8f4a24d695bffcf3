"""The application of an environment: its objects, the order in which they are applied, and its ports."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

from coppice.components.rollout import Rollout
from coppice.environment.observed_parts import ObservedPart
from coppice.environment.references import ObjectRef
from coppice.reconciler.plan import Change

Manifest: TypeAlias = Mapping[str, Any]

# The annotation that says what an object was made from. A Job's template is immutable, so a digest of the
# specification that it was applied from is stored on it. A plan compares the digest and needs no dry run.
TEMPLATE = "coppice.dev/template"

# https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
_MOUNTED = "kubernetes.io/pvc-protection"
_WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"}
# Nothing depends on these, and they do not depend on pods. So they are applied in the workloads' wave.
_WITH_THEM = {
    "HorizontalPodAutoscaler",
    "HTTPRoute",
    "GRPCRoute",
    "TLSRoute",
    "Ingress",
    "PodMonitor",
    "ServiceMonitor",
}
# KEDA's admission webhook looks up the scaled object: https://keda.sh/docs/latest/concepts/admission-webhooks/
_AFTER = {"ScaledObject"}


@dataclass(frozen=True, kw_only=True)
class Live:
    """An object that exists, as far as a plan depends on it.

    Args:
        ref: its reference.
        uid: its UID.
        version: its resource version.
        deleting: whether its deletion was requested.
        held_by: its finalizers.
        template: the annotation that says what it was made from; empty if it has none.
    """

    ref: ObjectRef
    uid: str
    version: str
    deleting: bool = False
    held_by: tuple[str, ...] = ()
    template: str = ""

    def __str__(self) -> str:
        return str(self.ref)


@dataclass(frozen=True, kw_only=True)
class Apply(Change):
    """Apply one object of the overlay."""

    verb: ClassVar[str] = "apply"
    unseen: ClassVar[bool] = True
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.OBJECTS})
    namespace: str
    manifest: Manifest

    @property
    def target(self) -> str:
        """Return the object's reference."""
        return str(reference(self.manifest))


@dataclass(frozen=True, kw_only=True)
class Suspend(Change):
    """Suspend a CronJob, so that it starts nothing in a namespace that is about to be deleted."""

    verb: ClassVar[str] = "suspend"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.OBJECTS})
    namespace: str
    name: str

    @property
    def target(self) -> str:
        """Return the CronJob's reference."""
        return f"CronJob/{self.name}"


def going(ref: ObjectRef, held_by: Iterable[str]) -> str:
    """Return the reason to wait for an object that is being deleted.

    A deletion cannot be undone: the object is removed whatever is applied to it
    (https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/).

    Args:
        ref: the object.
        held_by: its finalizers.
    """
    held = [f"{each} (until no pod mounts it)" if each == _MOUNTED else each for each in held_by]
    return f"{ref} is being deleted" + (f", held by {', '.join(held)}" if held else "")


def reference(manifest: Manifest) -> ObjectRef:
    """Return the reference of a manifest's object."""
    return ObjectRef(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"])


def inventory(manifests: Iterable[Manifest]) -> tuple[ObjectRef, ...]:
    """Return the references of the manifests' objects, sorted and without duplicates."""
    return tuple(sorted({reference(manifest) for manifest in manifests}))


def in_order(namespace: str, manifests: Sequence[Manifest]) -> tuple[tuple[Apply, ...], ...]:
    """Return the changes that apply manifests, in three groups, each of which depends on the one before it.

    First come the objects that pods depend on, then the workloads, and then the objects whose admission looks
    up a workload.

    Args:
        namespace: the environment's namespace.
        manifests: the objects to apply.
    """
    later = _WORKLOADS | _WITH_THEM | _AFTER
    first = (each for each in manifests if each["kind"] not in later)
    second = (each for each in manifests if each["kind"] in _WORKLOADS | _WITH_THEM)
    third = (each for each in manifests if each["kind"] in _AFTER)
    return tuple(applying(namespace, group) for group in (first, second, third))


def applying(namespace: str, manifests: Iterable[Manifest]) -> tuple[Apply, ...]:
    """Return the changes that apply manifests."""
    return tuple(Apply(namespace=namespace, manifest=each) for each in manifests)


def asleep(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Return the manifests with every workload scaled to 0 or suspended.

    A HorizontalPodAutoscaler is inactive while its target has 0 replicas. A KEDA ScaledObject is paused by an
    annotation (https://keda.sh/docs/latest/concepts/scaling-deployments/#pause-autoscaling). Applying the
    unchanged manifests wakes everything.
    """
    return tuple(_asleep(each) for each in manifests)


def _asleep(manifest: Manifest) -> Manifest:
    match manifest["kind"]:
        case "Deployment" | "StatefulSet":
            return {**manifest, "spec": {**manifest["spec"], "replicas": 0}}
        case "CronJob":
            return {**manifest, "spec": {**manifest["spec"], "suspend": True}}
        case "ScaledObject":
            annotations = manifest["metadata"].get("annotations") or {}
            paused = {**annotations, "autoscaling.keda.sh/paused-replicas": "0"}
            return {**manifest, "metadata": {**manifest["metadata"], "annotations": paused}}
        case _:
            return manifest


def template(manifest: Manifest) -> str:
    """Return a digest of a Job's specification, to be compared with the annotation of the existing Job."""
    return hashlib.sha256(json.dumps(manifest.get("spec"), sort_keys=True).encode()).hexdigest()[:16]


def holds_data(manifest: Manifest) -> bool:
    """Return whether a Job's pods mount a volume with data.

    This is a PersistentVolumeClaim or a generic ephemeral volume.
    Such a Job is never deleted in order to be created again.
    """
    volumes = manifest.get("spec", {}).get("template", {}).get("spec", {}).get("volumes") or ()
    return any("persistentVolumeClaim" in volume or "ephemeral" in volume for volume in volumes)


class ApplicationReader(Protocol):
    """Reads the objects of an environment's namespace."""

    def rollout(self, namespace: str) -> Rollout:
        """Return the Deployments and StatefulSets, and the problems of those that are not ready."""

    def live(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[Live, ...]:
        """Return those of the given objects that exist.

        Args:
            namespace: the environment's namespace.
            refs: the objects to look for.
        """

    def cron_jobs(self, namespace: str) -> tuple[str, ...]:
        """Return the names of the CronJobs that are not suspended."""

    def hosts(self) -> Mapping[str, str]:
        """Return every host that a route of any namespace claims → that namespace, by list calls."""


class ApplicationWriter(Protocol):
    """Applies objects in an environment's namespace."""

    def apply(self, namespace: str, manifest: Manifest) -> None:
        """Apply an object by server-side apply, as field manager `coppice`.

        The apply is forced, so that Coppice takes over the ownership of every field that the overlay sets.

        Args:
            namespace: the environment's namespace.
            manifest: the object.
        """


class SecretProbe(Protocol):
    """Reads the metadata of Secrets by dry-run writes, because no role of the program may read Secrets."""

    def metadata(self, namespace: str, name: str) -> Mapping[str, Any]:
        """Return the metadata of a Secret, and never its values.

        Args:
            namespace: the environment's namespace.
            name: the Secret's name.

        Raises:
            Gone: the Secret does not exist.
        """


class CronJobSuspender(Protocol):
    """Suspends CronJobs."""

    def suspend(self, namespace: str, name: str) -> None:
        """Suspend a CronJob. A CronJob that is already gone is not an error.

        Args:
            namespace: the environment's namespace.
            name: the CronJob's name.
        """
