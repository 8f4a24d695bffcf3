"""Argo CD's Applications. Their status is described in
https://argo-cd.readthedocs.io/en/stable/user-guide/annotations-and-labels/.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from adapters.kubernetes.gitops.controller import Controller, repository_name
from scheduler.gitops import Synced

_REFRESH = "argocd.argoproj.io/refresh"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class ArgoCD(Controller):
    """Reads Applications, and asks Argo CD to look at Git."""

    kind: ClassVar[Literal["Application", "Kustomization"]] = "Application"
    api_version = "argoproj.io/v1alpha1"
    plural = "applications"

    def refresh(self, synced: Synced) -> None:
        """Ask Argo CD to read Git again for an Application.

        Args:
            synced: the Application.

        Raises:
            Failure: the server refused, or did not answer.
        """
        self.annotate(self.path(synced.namespace, synced.name), {_REFRESH: "normal"})

    def synced(self, document: Mapping[str, Any]) -> Synced:
        """Read what an Application reports.

        Args:
            document: the Application.

        Returns:
            What it reports.
        """
        metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
        health = (status.get("health") or {}).get("status", "Unknown")
        return Synced(
            kind="Application",
            namespace=metadata["namespace"],
            name=metadata["name"],
            revisions=dict(_compared(spec, status.get("sync") or {})),
            unsynced=_unsynced(status),
            unhealthy="" if health == "Healthy" else f"its health is {health}",
            refreshing=_REFRESH in (metadata.get("annotations") or {}),
        )


def _compared(spec: Mapping[str, Any], sync: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Repository → the commit that was compared last, for one source or several.

    Two sources may name one repository, such as a chart at a tag and its values at a branch. Then the key has
    the branch too.
    """
    compared = sync.get("comparedTo") or {}
    # Since then somebody may have changed what it is to read: the commits are in the order of that time.
    said = compared if any(each.get("repoURL") for each in _sources(compared)) else spec
    sources = _sources(said)
    pairs = zip(sources, _revisions(sync), strict=False)
    # While Argo CD cannot read Git, the revision is the branch's name.
    found = [(source, revision) for source, revision in pairs if _COMMIT.fullmatch(revision)]
    commits: dict[str, set[str]] = {}
    for source, revision in found:
        commits.setdefault(repository_name(source.get("repoURL", "")), set()).add(revision)
    for source, revision in found:
        name = repository_name(source.get("repoURL", ""))
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
    # A sync that failed at another commit does not matter once the present commit is synced.
    compared = _revisions(sync)
    tried = _revisions(operation.get("syncResult") or {"revisions": compared})
    if phase in {"Error", "Failed"} and (state != "Synced" or tried == compared):
        how = "failed" if phase == "Failed" else "ended in an error"
        return f"its last sync {how}: {operation.get('message', '')}".strip()
    if state == "Synced":
        return ""
    errors = [each for each in status.get("conditions") or () if each["type"].endswith("Error")]
    return "; ".join([f"it is {state}", *(each.get("message", "") for each in errors)])
