"""The application of an environment: the objects of its overlays, the order they are applied in, and
whether they are up.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

from coppice.components.rollout import Rollout
from coppice.environment.references import ObjectRef
from coppice.reconciler.plan import Change, Wave, wave

Manifest: TypeAlias = Mapping[str, Any]

# A Job's template is immutable: what it was applied from is noted on it, so that a plan can tell without
# asking the API server.
TEMPLATE = "coppice.dev/template"

# https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
_MOUNTED = "kubernetes.io/pvc-protection"
_WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"}
# Nothing needs these to stand first, and they do not need the pods: they come with them.
_WITH_THEM = {
    "HorizontalPodAutoscaler",
    "HTTPRoute",
    "GRPCRoute",
    "TLSRoute",
    "Ingress",
    "PodMonitor",
    "ServiceMonitor",
}
# Its admission looks up what it scales: https://keda.sh/docs/latest/concepts/admission-webhooks/
_AFTER = {"ScaledObject"}


@dataclass(frozen=True, kw_only=True)
class Live:
    """An object as it stands, as far as a plan about it needs to know."""

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
    namespace: str
    manifest: Manifest

    @property
    def target(self) -> str:
        """The object."""
        return str(reference(self.manifest))


@dataclass(frozen=True, kw_only=True)
class Suspend(Change):
    """Suspend a CronJob, so that it starts nothing in a namespace that is about to go."""

    verb: ClassVar[str] = "suspend"
    namespace: str
    name: str

    @property
    def target(self) -> str:
        """The CronJob."""
        return f"CronJob/{self.name}"


def going(ref: ObjectRef, held_by: Iterable[str]) -> str:
    """Say what is waited for where an object that is wanted is being deleted: whatever is applied to it then,
    it goes (https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/).

    Args:
        ref: the object.
        held_by: its finalizers.
    """
    held = [f"{each} (until no pod mounts it)" if each == _MOUNTED else each for each in held_by]
    return f"{ref} is being deleted" + (f", held by {', '.join(held)}" if held else "")


def reference(manifest: Manifest) -> ObjectRef:
    """Which object a manifest is about."""
    return ObjectRef(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"])


def inventory(manifests: Iterable[Manifest]) -> tuple[ObjectRef, ...]:
    """The objects that manifests are about, in an order that does not depend on theirs."""
    return tuple(sorted({reference(manifest) for manifest in manifests}))


def waves(namespace: str, manifests: Sequence[Manifest]) -> tuple[Wave, ...]:
    """Applying in dependency order: what pods need, then what makes pods, then what looks for that."""
    first = tuple(each for each in manifests if each["kind"] not in _WORKLOADS | _WITH_THEM | _AFTER)
    second = tuple(each for each in manifests if each["kind"] in _WORKLOADS | _WITH_THEM)
    third = tuple(each for each in manifests if each["kind"] in _AFTER)
    return tuple(each for group in (first, second, third) for each in applying(namespace, group))


def applying(namespace: str, manifests: Iterable[Manifest]) -> tuple[Wave, ...]:
    """Applying some objects side by side; no wave if there are none."""
    return wave(*(Apply(namespace=namespace, manifest=each) for each in manifests))


def asleep(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """The same objects with everything that runs at 0.

    A HorizontalPodAutoscaler does nothing at 0 replicas; KEDA has an annotation for it
    (https://keda.sh/docs/latest/concepts/scaling-deployments/#pause-autoscaling). Applying the objects as
    they are in Git wakes all of it.
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
    """A digest of a Job's specification, to be compared with the one noted on the Job that stands."""
    return hashlib.sha256(json.dumps(manifest.get("spec"), sort_keys=True).encode()).hexdigest()[:16]


def holds_data(manifest: Manifest) -> bool:
    """Whether the pods of a Job mount a volume that outlives them: such a Job is never deleted to be
    created anew.
    """
    volumes = manifest.get("spec", {}).get("template", {}).get("spec", {}).get("volumes") or ()
    return any("persistentVolumeClaim" in volume or "ephemeral" in volume for volume in volumes)


class ApplicationReader(Protocol):
    """Reads what stands in an environment's namespace."""

    def rollout(self, namespace: str) -> Rollout:
        """Deployments and StatefulSets, and what keeps those that are not up."""

    def live(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[Live, ...]:
        """Those of the objects that stand."""

    def cron_jobs(self, namespace: str) -> tuple[str, ...]:
        """The CronJobs that are not suspended."""

    def hosts(self) -> Mapping[str, str]:
        """Every host that a route of any namespace claims → the namespace; one list."""


class ApplicationWriter(Protocol):
    """Applies objects in an environment's namespace."""

    def apply(self, namespace: str, manifest: Manifest) -> None:
        """Server-side apply, as field manager `coppice`, and with force: what the overlay sets is the
        overlay's.
        """


class SecretProbe(Protocol):
    """Reads metadata of Secrets with a writer's right, by writes that are dry runs: no role of the program
    may read Secrets.
    """

    def metadata(self, namespace: str, name: str) -> Mapping[str, Any]:
        """The metadata of a Secret, or the error `Gone`; never its values."""


class CronJobSuspender(Protocol):
    """Suspends CronJobs."""

    def suspend(self, namespace: str, name: str) -> None:
        """Suspend one; one that is gone by then is no error."""
