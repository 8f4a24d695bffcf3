"""The cluster in the in-memory world: namespaces and the objects in them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from coppice.components.application import TEMPLATE, Live, Manifest, going, reference
from coppice.components.namespace import Namespace
from coppice.components.removal import Owned
from coppice.components.rollout import Rollout, Workload
from coppice.diagnostics.identity_checks import ANNOTATION
from coppice.diagnostics.inspection import PROVIDER_CLASS, ObjectStatus
from coppice.environment.references import ObjectRef
from coppice.manifests.pod_templates import pods
from coppice.reconciler.errors import Conflict, Gone, Rejected
from tests.support.world import Stored, World

_ROLLS_OUT = {"Deployment", "StatefulSet"}


@dataclass
class Namespaces:
    """Reads, creates and labels namespaces."""

    world: World

    def get(self, name: str) -> Namespace | None:
        with self.world.call(f"get namespace/{name}"):
            return self.world.namespaces.get(name)

    def all(self) -> Iterator[Namespace]:
        with self.world.call("list namespaces"):
            found = [each for _, each in sorted(self.world.namespaces.items())]
        yield from found

    def create(self, name: str, *, labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        with self.world.call(f"create namespace/{name}"):
            if name in self.world.namespaces:
                raise Conflict(f"namespace {name} stands")
            self.world.add_namespace(name, labels=dict(labels), annotations=dict(annotations))

    def apply(
        self, namespace: Namespace, *, labels: Mapping[str, str | None], annotations: Mapping[str, str | None]
    ) -> None:
        with self.world.call(f"apply {namespace}"):
            current = self.world.namespaces.get(namespace.name)
            if current is None or (current.uid, current.version) != (namespace.uid, namespace.version):
                raise Conflict(f"{namespace} is not the one that was read")
            self._patch(current, labels, annotations)

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        with self.world.call(f"annotate namespace/{name}"):
            current = self.world.namespaces.get(name)
            if current is None:
                raise Gone(f"there is no namespace {name}")
            self._patch(current, {}, annotations)

    def _patch(
        self,
        current: Namespace,
        labels: Mapping[str, str | None],
        annotations: Mapping[str, str | None],
    ) -> None:
        self.world.namespaces[current.name] = replace(
            current,
            version=self.world.number(),
            labels=_set({**current.labels, **labels}),
            annotations=_set({**current.annotations, **annotations}),
        )


def _set(texts: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text is not None}


@dataclass
class NamespaceDeleter:
    """Deletes namespaces. A namespace is Terminating until `World.settle` or `World.remove_namespace`."""

    world: World

    def delete(self, owned: Owned[Namespace]) -> None:
        read = owned.subject
        with self.world.call(f"delete {read}"):
            current = self.world.namespaces.get(read.name)
            if current is None:
                return
            if current.uid != read.uid:
                raise Conflict(f"{read} is not the one that was read")
            self.world.namespaces[read.name] = replace(
                current,
                version=self.world.number(),
                terminating_since=current.terminating_since or self.world.now,
                remaining=self.world.stuck.get(read.name, ()),
            )


@dataclass
class Application:
    """Reads, applies and deletes objects in environments' namespaces."""

    world: World

    def rollout(self, namespace: str) -> Rollout:
        with self.world.call(f"read rollout of {namespace}"):
            workloads = tuple(
                Workload(
                    ref=ref,
                    generation=1,
                    observed_generation=1,
                    desired=1,
                    updated=1,
                    available=int(stored.ready),
                )
                for (where, ref), stored in sorted(self.world.objects.items(), key=lambda each: each[0])
                if where == namespace and ref.kind in _ROLLS_OUT
            )
            return Rollout(workloads=workloads, troubles=self.world.troubles.get(namespace, ()))

    def live(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[Live, ...]:
        with self.world.call(f"read objects of {namespace}"):
            found = ((ref, self.world.objects.get((namespace, ref))) for ref in refs)
            return tuple(
                Live(
                    ref=ref,
                    uid=stored.uid,
                    version=stored.version,
                    deleting=stored.deleting,
                    template=(stored.manifest["metadata"].get("annotations") or {}).get(TEMPLATE, ""),
                )
                for ref, stored in found
                if stored is not None
            )

    def cron_jobs(self, namespace: str) -> tuple[str, ...]:
        with self.world.call(f"list cron jobs of {namespace}"):
            return tuple(
                ref.name
                for (where, ref), stored in self.world.objects.items()
                if where == namespace and ref.kind == "CronJob" and not stored.manifest["spec"].get("suspend")
            )

    def hosts(self) -> Mapping[str, str]:
        with self.world.call("list routes"):
            return {
                host: namespace
                for (namespace, ref), stored in self.world.objects.items()
                if ref.kind == "HTTPRoute"
                for host in stored.manifest["spec"].get("hostnames", ())
            }

    def apply(self, namespace: str, manifest: Manifest) -> None:
        ref = reference(manifest)
        with self.world.call(f"apply {namespace}/{ref}"):
            current = self.world.namespaces.get(namespace)
            if current is None:
                raise Gone(f"there is no namespace {namespace}")
            former = self.world.objects.get((namespace, ref))
            if former is None and current.terminating_since:
                raise Conflict(f"namespace {namespace} is Terminating", retry_after=5)
            if ref.kind == "Job" and former and _template(former.manifest) != _template(manifest):
                raise Rejected(f"{ref}: its template is immutable")
            manifest = _applied(former.manifest if former else None, manifest)
            same = former is not None and former.manifest == manifest
            self.world.objects[namespace, ref] = Stored(
                manifest=manifest,
                uid=former.uid if former else self.world.number(),
                version=former.version if former and same else self.world.number(),
                deleting=former.deleting if former else False,
                ready=former.ready if former and same else False,
            )
            if (
                former is not None and former.deleting
            ):  # the apply succeeded, but the object is still being deleted
                raise Conflict(going(ref, ()), retry_after=5)


def _applied(former: Manifest | None, manifest: Manifest) -> Manifest:
    """Return the object after an apply. A field that another manager has set stays unless it is applied."""
    spec = manifest.get("spec")
    if former is None or manifest["kind"] != "CronJob" or not former["spec"].get("suspend") or not spec:
        return manifest
    return {**manifest, "spec": {"suspend": True, **spec}}


@dataclass
class ObjectDeleter:
    """Deletes objects. An object is gone at once, unless it is in `World.lingering`."""

    world: World

    def delete(self, namespace: str, owned: Owned[Live]) -> None:
        read = owned.subject
        with self.world.call(f"delete {namespace}/{read.ref}"):
            current = self.world.objects.get((namespace, read.ref))
            if current is None:
                return
            if current.uid != read.uid:
                raise Conflict(f"{read} is not the one that was read")
            if read.ref in self.world.lingering:
                self.world.objects[namespace, read.ref] = replace(current, deleting=True)
            else:
                del self.world.objects[namespace, read.ref]


@dataclass
class CronJobSuspender:
    """Suspends CronJobs."""

    world: World

    def suspend(self, namespace: str, name: str) -> None:
        at = (namespace, ObjectRef("batch/v1", "CronJob", name))
        with self.world.call(f"suspend {namespace}/CronJob/{name}"):
            stored = self.world.objects.get(at)
            if stored is not None:
                spec = {**stored.manifest["spec"], "suspend": True}
                self.world.objects[at] = replace(stored, manifest={**stored.manifest, "spec": spec})


def _template(manifest: Manifest) -> Any:
    return manifest["spec"].get("template")


@dataclass
class Objects:
    """Reads objects for the inspection of an environment."""

    world: World

    def statuses(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[ObjectStatus, ...]:
        with self.world.call(f"look at objects of {namespace}"):
            found = {ref: self.world.objects.get((namespace, ref)) for ref in refs}
            return tuple(
                _status(ref, stored.manifest, self.world.now)
                for ref, stored in found.items()
                if stored is not None
            )


def _status(ref: ObjectRef, manifest: Manifest, created: datetime) -> ObjectStatus:
    pod = pods(manifest)
    parameters = manifest["spec"]["parameters"] if ref.kind == PROVIDER_CLASS else {}
    annotations = manifest["metadata"].get("annotations") or {}
    return ObjectStatus(
        ref=ref,
        created=created,
        client_id=parameters.get("clientID", "") or annotations.get(ANNOTATION, ""),
        tenant=parameters.get("tenantId", ""),
        account=pod.account if pod else "",
        mounted=pod.mounted if pod else (),
    )
