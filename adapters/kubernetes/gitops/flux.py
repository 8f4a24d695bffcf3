"""Flux' Kustomizations. Their status is described in
https://fluxcd.io/flux/components/kustomize/kustomizations/#kustomization-status. A Kustomization with
HelmReleases is synced only when they are: https://fluxcd.io/flux/components/helm/helmreleases/#helmrelease-status.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

from adapters.kubernetes.client import Api
from adapters.kubernetes.gitops.controller import Controller, repository_name
from adapters.kubernetes.paths import path
from coppice.reconciler.errors import Rejected
from scheduler.gitops import Synced

_SOURCE = "source.toolkit.fluxcd.io/v1"
_HELM = "helm.toolkit.fluxcd.io/v2"
_REFRESH = "reconcile.fluxcd.io/requestedAt"


class Flux(Controller):
    """Reads Kustomizations, and asks Flux to look at Git.

    Args:
        api: the cluster.
        now: the clock; the annotation holds the time of the request.
    """

    kind: ClassVar[Literal["Application", "Kustomization"]] = "Kustomization"
    api_version = "kustomize.toolkit.fluxcd.io/v1"
    plural = "kustomizations"

    def __init__(self, api: Api, now: Callable[[], datetime]) -> None:
        super().__init__(api)
        self._now = now

    def refresh(self, synced: Synced) -> None:
        """Ask Flux to read Git again for a Kustomization: first its GitRepository, then itself.

        Args:
            synced: the Kustomization.

        Raises:
            Failure: the server refused, or did not answer.
        """
        requested = {_REFRESH: self._now().isoformat()}
        where = self.path(synced.namespace, synced.name)
        self.annotate(_source_path(self._api.get(where)), requested)
        self.annotate(where, requested)

    def synced(self, document: Mapping[str, Any]) -> Synced:
        """Read what a Kustomization reports, with its source and the HelmReleases that it applied.

        Args:
            document: the Kustomization.

        Returns:
            What it reports.

        Raises:
            Failure: its source or a HelmRelease could not be read.
        """
        source, releases = self._source(document), self._releases(document)
        metadata, status = document["metadata"], document.get("status") or {}
        ready = _condition(status)
        requested_at = (metadata.get("annotations") or {}).get(_REFRESH, "")
        repository = repository_name((source.get("spec") or {}).get("url", ""))
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
            refreshing=bool(requested_at) and status.get("lastHandledReconcileAt", "") != requested_at,
        )

    def _source(self, kustomization: Mapping[str, Any]) -> Any:
        return self._api.get(_source_path(kustomization))

    def _releases(self, kustomization: Mapping[str, Any]) -> tuple[Any, ...]:
        """The HelmReleases in its inventory; they may not have installed their charts yet."""
        inventory = (kustomization.get("status") or {}).get("inventory") or {}
        entries = [_inventory_entry(each["id"]) for each in inventory.get("entries") or ()]
        return tuple(
            self._api.get(path(_HELM, "helmreleases", namespace=namespace, name=name))
            for namespace, name, group, kind in entries
            if (group, kind) == (_HELM.partition("/")[0], "HelmRelease")
        )


def _inventory_entry(entry: str) -> tuple[str, str, str, str]:
    """Namespace, name, group and kind of an inventory's entry.

    It is parsed from both ends, because the name of an RBAC object may hold `:`, which is written as `__`:
    https://github.com/fluxcd/cli-utils/blob/v1.2.3/pkg/object/objmetadata.go.
    """
    namespace, _, rest = entry.partition("_")
    parts = rest.rsplit("_", 2)
    if len(parts) != 3:
        raise ValueError(f"its inventory has the entry {entry!r}")
    return namespace, parts[0].replace("__", ":"), parts[1], parts[2]


def _unreleased(release: Mapping[str, Any]) -> str:
    why = _unready(release)
    metadata = release["metadata"]
    return f"HelmRelease {metadata['namespace']}/{metadata['name']}: {why}" if why else ""


def _unready(document: Mapping[str, Any]) -> str:
    """Why an object of Flux is not ready at its present generation; empty if it is."""
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


def _source_path(kustomization: Mapping[str, Any]) -> str:
    metadata, ref = kustomization["metadata"], kustomization["spec"]["sourceRef"]
    if ref["kind"] != "GitRepository":
        where = f"Kustomization {metadata['namespace']}/{metadata['name']}"
        raise Rejected(
            f"{where} reads the {ref['kind']} {ref['name']}: only a GitRepository tells its commit"
        )
    namespace = ref.get("namespace") or metadata["namespace"]
    return path(_SOURCE, "gitrepositories", namespace=namespace, name=ref["name"])
