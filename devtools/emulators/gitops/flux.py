"""Flux: GitRepositories fetch commits, Kustomizations apply them, HelmReleases deploy their values.

It does less than the real one: no pruning, no health checks, no dependencies, and every chart is one
Deployment with `replicaCount`, `image` and `nodeSelector`. The status is that of
https://fluxcd.io/flux/components/.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from devtools.emulators.gitops.cluster import ApplyError, Cluster
from devtools.emulators.gitops.settings import Settings
from devtools.emulators.gitops.source import SourceError, Sources, seen_at

Object = dict[str, Any]

REQUESTED = "reconcile.fluxcd.io/requestedAt"
_SOURCE = ("source.toolkit.fluxcd.io/v1", "GitRepository", "gitrepositories")
_KUSTOMIZE = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations")
_HELM = ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "helmreleases")


class Flux:
    """The controllers of Flux.

    Args:
        cluster: the cluster with the Flux objects, which is also the one to deploy to.
        sources: the repositories.
        settings: returns the current settings.
        clock: returns the time, with its zone.
    """

    def __init__(
        self,
        cluster: Cluster,
        sources: Sources,
        settings: Callable[[], Settings],
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._sources = sources
        self._settings = settings
        self._clock = clock
        self._since: dict[str, datetime] = {}  # by uid, the time when an object was begun or last checked

    def reconcile(self) -> None:
        """Advance each object by the steps that are due; a release sees applied changes one pass later."""
        for each in self._items(_HELM):
            self._release(each)
        repositories = {}
        for each in self._items(_SOURCE):
            repositories[_place(each)] = self._fetch(each)
        for each in self._items(_KUSTOMIZE):
            ref, home = each["spec"]["sourceRef"], each["metadata"]["namespace"]
            self._kustomize(each, repositories.get((ref.get("namespace", home), ref["name"])))

    def _items(self, of: tuple[str, str, str]) -> list[Object]:
        version, kind, plural = of
        return [{"apiVersion": version, "kind": kind} | each for each in self._cluster.items(version, plural)]

    def _fetch(self, live: Object) -> Object:
        """Fetch a new commit if that is due; return the updated GitRepository."""
        if not self._is_asked(live) and not self._is_due(live):
            return live
        spec, now = live["spec"], self._clock()
        self._since[live["metadata"]["uid"]] = now
        branch = spec.get("ref", {}).get("branch", "")
        status = dict(live.get("status", {}))
        try:
            seen = seen_at(now, self._settings().lag_seconds)
            revision = f"{branch}@sha1:{self._sources.revision(spec['url'], branch, as_of=seen)}"
        except SourceError as error:
            self._tell(live, status, ("False", "GitOperationFailed", str(error)))
            return live
        if status.get("artifact", {}).get("revision") != revision:
            home, name = _place(live)
            path = f"gitrepository/{home}/{name}/{revision[-40:]}.tar.gz"
            url = f"http://source-controller.flux-system.svc.cluster.local./{path}"
            fresh = {"revision": revision, "path": path, "url": url, "lastUpdateTime": _text(now)}
            status["artifact"] = fresh | {"digest": f"sha256:{'0' * 64}"}
        self._tell(live, status, ("True", "Succeeded", f"stored artifact for revision '{revision}'"))
        return live | {"status": status}

    def _kustomize(self, live: Object, source: Object | None) -> None:
        """Begin to apply a new revision, or finish one that was begun."""
        status, metadata, now = dict(live.get("status", {})), live["metadata"], self._clock()
        revision = (source or {}).get("status", {}).get("artifact", {}).get("revision")
        if source is None or revision is None:
            self._tell(live, status, ("False", "ArtifactFailed", "Source artifact not found, retrying"))
            return
        if _ready(live) != "Unknown":
            new = revision != status.get("lastAttemptedRevision")
            if new or self._is_asked(live) or self._is_due(live):
                self._since[metadata["uid"]] = now
                self._tell(live, status, ("Unknown", "Progressing", "Reconciliation in progress"), begun=True)
            return
        begun = self._since.setdefault(metadata["uid"], now)
        if now - begun < timedelta(seconds=self._settings().sync_seconds):
            return
        status["lastAttemptedRevision"] = revision
        try:
            status["inventory"] = {"entries": self._apply(live, source, revision)}
        except (ApplyError, SourceError) as error:
            self._tell(live, status, ("False", "ReconciliationFailed", str(error)))
            return
        status["lastAppliedRevision"] = revision
        self._tell(live, status, ("True", "ReconciliationSucceeded", f"Applied revision: {revision}"))

    def _apply(self, live: Object, source: Object, revision: str) -> list[Object]:
        spec, (home, name) = live["spec"], _place(live)
        if any(fnmatchcase(name, each) for each in self._settings().failing):
            raise ApplyError("the emulator was asked to fail")
        objects = self._sources.objects(source["spec"]["url"], revision[-40:], spec.get("path", "./"))
        group = _KUSTOMIZE[0].partition("/")[0]
        marks = {f"{group}/name": name, f"{group}/namespace": home}
        namespace = spec.get("targetNamespace", home)
        self._cluster.apply(objects, namespace=namespace, manager="kustomize-controller", labels=marks)
        return [_entry(each, namespace) for each in objects]

    def _release(self, live: Object) -> None:
        """Install a HelmRelease, and mark it as ready once its workload is healthy."""
        status, (home, name) = dict(live.get("status", {})), _place(live)
        home = live["spec"].get("targetNamespace", home)
        values = live["spec"].get("values", {})
        if self._is_asked(live) or _ready(live) is None:
            try:
                marks = {"app.kubernetes.io/managed-by": "Helm", "helm.toolkit.fluxcd.io/name": name}
                manifest = _deployment(name, values)
                self._cluster.apply([manifest], namespace=home, manager="helm-controller", labels=marks)
            except ApplyError as error:
                self._tell(live, status, ("False", "UpgradeFailed", str(error)))
                return
            self._tell(live, status, ("Unknown", "Progressing", "Running 'upgrade' action"))
        elif _ready(live) == "Unknown" and self._cluster.is_healthy("apps/v1", "Deployment", home, name):
            self._tell(
                live,
                status,
                ("True", "UpgradeSucceeded", f"Helm upgrade succeeded for release {home}/{name}"),
            )

    def _is_asked(self, live: Object) -> bool:
        status, metadata = live.get("status", {}), live["metadata"]
        requested = metadata.get("annotations", {}).get(REQUESTED)
        handled = status.get("lastHandledReconcileAt")
        return requested not in {None, handled} or status.get("observedGeneration") != metadata["generation"]

    def _is_due(self, live: Object) -> bool:
        looked = self._since.get(live["metadata"]["uid"])
        return looked is None or self._clock() - looked >= timedelta(seconds=self._settings().poll_seconds)

    def _tell(
        self, live: Object, status: Object, ready: tuple[str, str, str], *, begun: bool = False
    ) -> None:
        """Write a status; with `begun`, the request and the generation are not yet marked as handled."""
        metadata = live["metadata"]
        told = [("Ready", *ready), *([("Reconciling", "True", *ready[1:])] if begun else ())]
        status["conditions"] = [_condition(live, each, now=_text(self._clock())) for each in told]
        if not begun:
            status["observedGeneration"] = metadata["generation"]
            requested = metadata.get("annotations", {}).get(REQUESTED)
            status |= {"lastHandledReconcileAt": requested} if requested else {}
        if status != live.get("status", {}):
            self._cluster.update(live, {"status": status}, subresource="/status")


def _ready(live: Object) -> str | None:
    told = live.get("status", {}).get("conditions", ())
    return next((each["status"] for each in told if each["type"] == "Ready"), None)


def _condition(live: Object, told: tuple[str, str, str, str], *, now: str) -> Object:
    type_, state, reason, message = told
    before = {each["type"]: each for each in live.get("status", {}).get("conditions", ())}.get(type_, {})
    since = before["lastTransitionTime"] if before.get("status") == state else now
    generation = live["metadata"]["generation"]
    texts = {"type": type_, "status": state, "reason": reason, "message": message}
    return texts | {"lastTransitionTime": since, "observedGeneration": generation}


def _entry(each: Object, home: str) -> Object:
    group, _, version = each["apiVersion"].rpartition("/")
    metadata = each["metadata"]
    cluster_wide = each["kind"] in {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    namespace = "" if cluster_wide else metadata.get("namespace", home)
    name = metadata["name"]
    if group == "rbac.authorization.k8s.io":  # its names may contain characters that a ConfigMap key may not
        name = name.replace(":", "__")
    return {"id": f"{namespace}_{name}_{group}_{each['kind']}", "v": version}


def _deployment(name: str, values: Mapping[str, Any]) -> Object:
    labels = {"app.kubernetes.io/name": name}
    image = values.get("image", {})
    container = {"name": name, "image": f"{image.get('repository', name)}:{image.get('tag', 'latest')}"}
    pod = {"nodeSelector": values.get("nodeSelector", {}), "containers": [container]}
    spec = {
        "replicas": values.get("replicaCount", 1),
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _place(live: Object) -> tuple[str, str]:
    return live["metadata"]["namespace"], live["metadata"]["name"]


def _text(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
