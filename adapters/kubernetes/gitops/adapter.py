"""Reads the objects of either GitOps controller, and asks them to look at Git."""

from collections.abc import Callable
from datetime import datetime

from adapters.kubernetes.client import Api
from adapters.kubernetes.gitops.argocd import ArgoCD
from adapters.kubernetes.gitops.flux import Flux
from scheduler.gitops import Synced
from scheduler.schedule import Sync


class GitOpsAdapter:
    """Reads Applications and Kustomizations, and asks them to look at Git.

    Args:
        api: the cluster.
        now: the clock.
    """

    def __init__(self, api: Api, now: Callable[[], datetime]) -> None:
        self._controllers = {each.kind: each for each in (ArgoCD(api), Flux(api, now))}

    def objects(self, sync: Sync) -> tuple[Synced, ...]:
        """Read the objects that an entry of the schedule names.

        Args:
            sync: the entry.

        Returns:
            Those that exist.

        Raises:
            Rejected: what an object reports cannot be read.
            Failure: the server refused, or did not answer.
        """
        return self._controllers[sync.kind].objects(sync)

    def refresh(self, synced: Synced) -> None:
        """Ask the object to look at Git now.

        Args:
            synced: the object.

        Raises:
            Failure: the server refused, or did not answer.
        """
        self._controllers[synced.kind].refresh(synced)
