"""Argo CD's Applications and Flux' Kustomizations: what they report, and how they are asked to look at Git.

Their status is described in https://argo-cd.readthedocs.io/en/stable/user-guide/annotations-and-labels/ and
https://fluxcd.io/flux/components/kustomize/kustomizations/#kustomization-status. A Kustomization that brings
HelmReleases is in force only when they are: https://fluxcd.io/flux/components/helm/helmreleases/#helmrelease-status.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.kubernetes.client import Api, path
from adapters.unreadable import UNREADABLE
from coppice.reconciler.errors import Gone, Rejected
from scheduler.gitops import Synced
from scheduler.schedule import Sync

_ARGO = "argoproj.io/v1alpha1"
_FLUX = "kustomize.toolkit.fluxcd.io/v1"
_SOURCE = "source.toolkit.fluxcd.io/v1"
_HELM = "helm.toolkit.fluxcd.io/v2"
_ARGO_REFRESH = "argocd.argoproj.io/refresh"
_FLUX_REFRESH = "reconcile.fluxcd.io/requestedAt"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PLACES = {"Application": (_ARGO, "applications"), "Kustomization": (_FLUX, "kustomizations")}


class GitOpsAdapter:
    """Reads Applications and Kustomizations, and asks them to look at Git.

    Args:
        api: the cluster.
        now: the clock; Flux' annotation holds the time of the request.
    """

    def __init__(self, api: Api, now: Callable[[], datetime]) -> None:
        self._api = api
        self._now = now

    def objects(self, sync: Sync) -> tuple[Synced, ...]:
        """The objects that an entry of the schedule means; none if none stands."""
        look = _application if sync.kind == "Application" else self._look_at_kustomization
        return tuple(_understood(each, sync.kind, look) for each in self._found(sync))

    def refresh(self, synced: Synced) -> None:
        """Ask the object to look at Git now; Flux looks through the source that it was given."""
        if synced.kind == "Application":
            self._annotate(_ARGO, "applications", synced.namespace, synced.name, {_ARGO_REFRESH: "normal"})
            return
        asked = {_FLUX_REFRESH: self._now().isoformat()}
        where = path(_FLUX, "kustomizations", namespace=synced.namespace, name=synced.name)
        namespace, name = _source_of(self._api.get(where))
        self._annotate(_SOURCE, "gitrepositories", namespace, name, asked)
        self._annotate(_FLUX, "kustomizations", synced.namespace, synced.name, asked)

    def _annotate(self, group: str, plural: str, namespace: str, name: str, noted: dict[str, str]) -> None:
        where = path(group, plural, namespace=namespace, name=name)
        self._api.merge(where, {"metadata": {"annotations": noted}})

    def _found(self, sync: Sync) -> Iterator[Any]:
        group, plural = _PLACES[sync.kind]
        if not sync.name:
            yield from self._api.items(path(group, plural, namespace=sync.namespace), selector=sync.selector)
            return
        try:
            yield self._api.get(path(group, plural, namespace=sync.namespace, name=sync.name))
        except Gone:
            return

    def _look_at_kustomization(self, document: Any) -> Synced:
        return _kustomization(document, self._source(document), self._releases(document))

    def _source(self, kustomization: Any) -> Any:
        namespace, name = _source_of(kustomization)
        return self._api.get(path(_SOURCE, "gitrepositories", namespace=namespace, name=name))

    def _releases(self, kustomization: Any) -> tuple[Any, ...]:
        """The HelmReleases that it brought; what it has just applied may not have reached the chart yet."""
        brought = (kustomization.get("status") or {}).get("inventory") or {}
        names = [_brought(each["id"]) for each in brought.get("entries") or ()]
        return tuple(
            self._api.get(path(_HELM, "helmreleases", namespace=namespace, name=name))
            for namespace, name, group, kind in names
            if (group, kind) == (_HELM.partition("/")[0], "HelmRelease")
        )


def _understood(document: Any, kind: str, look: Callable[[Any], Synced]) -> Synced:
    try:
        return look(document)
    except UNREADABLE as error:
        metadata = document["metadata"]
        what = f"{kind} {metadata['namespace']}/{metadata['name']}"
        raise Rejected(f"what {what} reports cannot be read: {error!r}") from error


def _brought(entry: str) -> tuple[str, str, str, str]:
    """Namespace, name, group and kind of an inventory's entry.

    It is parsed from both ends, for a name of RBAC may hold `:`, which is written as `__`:
    https://github.com/fluxcd/cli-utils/blob/v1.2.3/pkg/object/objmetadata.go.
    """
    namespace, _, rest = entry.partition("_")
    parts = rest.rsplit("_", 2)
    if len(parts) != 3:
        raise ValueError(f"its inventory has the entry {entry!r}")
    return namespace, parts[0].replace("__", ":"), parts[1], parts[2]


def _application(document: Mapping[str, Any]) -> Synced:
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    health = (status.get("health") or {}).get("status", "Unknown")
    return Synced(
        kind="Application",
        namespace=metadata["namespace"],
        name=metadata["name"],
        revisions=dict(_compared(spec, status.get("sync") or {})),
        unsynced=_unsynced(status),
        unhealthy="" if health == "Healthy" else f"its health is {health}",
        refreshing=_ARGO_REFRESH in (metadata.get("annotations") or {}),
    )


def _compared(spec: Mapping[str, Any], sync: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Repository → the commit that was compared last, for one source or several.

    One repository may be read twice, a chart at a tag and its values at a branch: then the branch is named.
    """
    compared = sync.get("comparedTo") or {}
    # Since then somebody may have changed what it is to read: the commits are in the order of that time.
    said = compared if any(each.get("repoURL") for each in _sources(compared)) else spec
    sources = _sources(said)
    pairs = zip(sources, _revisions(sync), strict=False)
    # While it cannot read Git, it names the branch.
    found = [(source, revision) for source, revision in pairs if _COMMIT.fullmatch(revision)]
    commits: dict[str, set[str]] = {}
    for source, revision in found:
        commits.setdefault(_repository(source.get("repoURL", "")), set()).add(revision)
    for source, revision in found:
        name = _repository(source.get("repoURL", ""))
        target = (source.get("targetRevision") or "HEAD").removeprefix("refs/heads/")
        yield name if len(commits[name]) == 1 else f"{name}@{target}", revision


def _sources(said: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return said.get("sources") or [said.get("source") or {}]


def _revisions(reported: Mapping[str, Any]) -> Sequence[str]:
    """The commits of a comparison or of a sync, in the order of the sources."""
    return reported.get("revisions") or [reported.get("revision") or ""]


def _unsynced(status: Mapping[str, Any]) -> str:
    sync, operation = status.get("sync") or {}, status.get("operationState") or {}
    phase = operation.get("phase", "")
    if phase in {"Running", "Terminating"}:
        return (
            f"a sync is running: {operation.get('message', '')}"  # one that failed is tried again for minutes
        )
    state = sync.get("status", "Unknown")
    # One that failed at another commit is history, once the present commit is what runs.
    compared = _revisions(sync)
    tried = _revisions(operation.get("syncResult") or {"revisions": compared})
    if phase in {"Error", "Failed"} and (state != "Synced" or tried == compared):
        how = "failed" if phase == "Failed" else "ended in an error"
        return f"its last sync {how}: {operation.get('message', '')}".strip()
    if state == "Synced":
        return ""
    errors = [each for each in status.get("conditions") or () if each["type"].endswith("Error")]
    return "; ".join([f"it is {state}", *(each.get("message", "") for each in errors)])


def _kustomization(
    document: Mapping[str, Any], source: Mapping[str, Any], releases: Iterable[Mapping[str, Any]]
) -> Synced:
    metadata, status = document["metadata"], document.get("status") or {}
    ready = _condition(status)
    asked = (metadata.get("annotations") or {}).get(_FLUX_REFRESH, "")
    repository = _repository((source.get("spec") or {}).get("url", ""))
    applied = status.get("lastAppliedRevision", "").rpartition(":")[2]
    tried = status.get("lastAttemptedRevision", "").rpartition(":")[2]
    unsynced = _unready(document)
    return Synced(
        kind="Kustomization",
        namespace=metadata["namespace"],
        name=metadata["name"],
        revisions={repository: applied} if applied else {},
        tried={repository: tried} if tried else {},
        unsynced=unsynced or "; ".join(filter(None, map(_unreleased, releases))),
        unhealthy=unsynced if ready.get("reason") == "HealthCheckFailed" else "",
        refreshing=bool(asked) and status.get("lastHandledReconcileAt", "") != asked,
    )


def _unreleased(release: Mapping[str, Any]) -> str:
    why = _unready(release)
    metadata = release["metadata"]
    return f"HelmRelease {metadata['namespace']}/{metadata['name']}: {why}" if why else ""


def _unready(document: Mapping[str, Any]) -> str:
    """Why one of Flux' objects is not ready at its present generation; empty if it is."""
    status = document.get("status") or {}
    ready = _condition(status)
    if (document.get("spec") or {}).get("suspend"):
        return "it is suspended"
    if status.get("observedGeneration", 0) < document["metadata"].get("generation", 0):
        return "its controller has not looked at its latest generation yet"
    if ready.get("status") != "True":
        return f"it is {ready.get('reason', 'Unknown')}: {ready.get('message', '')}"
    return ""


def _condition(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions") or () if each["type"] == "Ready"), {})


def _source_of(kustomization: Mapping[str, Any]) -> tuple[str, str]:
    metadata, ref = kustomization["metadata"], kustomization["spec"]["sourceRef"]
    if ref["kind"] != "GitRepository":
        where = f"Kustomization {metadata['namespace']}/{metadata['name']}"
        raise Rejected(
            f"{where} reads the {ref['kind']} {ref['name']}: only a GitRepository tells its commit"
        )
    return ref.get("namespace") or metadata["namespace"], ref["name"]


def _repository(url: str) -> str:
    """`owner/name` in lower case, from any of the forms that Git takes."""
    match = re.search(r"[:/]([^:/]+/[^:/]+?)(?:\.git)?/?$", url)
    return match.group(1).lower() if match else url.lower()
