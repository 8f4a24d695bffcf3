"""What the GitOps controllers have in common. Their objects are found by name or label, report commits of
repositories, and read Git again when an annotation asks for it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from adapters.unreadable import UNREADABLE
from coppice.reconciler.errors import Gone, Rejected
from scheduler.gitops import Synced
from scheduler.schedule import Sync


class Controller(ABC):
    """One kind of GitOps controller.

    Args:
        api: the cluster.
    """

    kind: ClassVar[Literal["Application", "Kustomization"]]
    api_version: ClassVar[str]
    plural: ClassVar[str]

    def __init__(self, api: Api) -> None:
        self._api = api

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
        return tuple(self._read(document) for document in self._found(sync))

    @abstractmethod
    def refresh(self, synced: Synced) -> None:
        """Ask an object to look at Git now.

        Args:
            synced: the object.

        Raises:
            Failure: the server refused, or did not answer.
        """

    @abstractmethod
    def synced(self, document: Mapping[str, Any]) -> Synced:
        """Read what an object reports.

        Args:
            document: the object.

        Returns:
            What it reports.

        Raises:
            Failure: what it names could not be read.
        """

    def path(self, namespace: str, name: str = "") -> str:
        """Build the path of an object, or of all objects in a namespace.

        Args:
            namespace: the namespace.
            name: the object's name; empty for all.

        Returns:
            The path.
        """
        return path(self.api_version, self.plural, namespace=namespace, name=name)

    def annotate(self, where: str, annotations: Mapping[str, str]) -> None:
        """Set annotations and keep the others.

        Args:
            where: the object's path.
            annotations: name → value.

        Raises:
            Failure: the server refused, or did not answer.
        """
        self._api.merge(where, {"metadata": {"annotations": dict(annotations)}})

    def _read(self, document: Mapping[str, Any]) -> Synced:
        try:
            return self.synced(document)
        except UNREADABLE as error:
            metadata = document["metadata"]
            what = f"{self.kind} {metadata['namespace']}/{metadata['name']}"
            raise Rejected(f"what {what} reports cannot be read: {error!r}") from error

    def _found(self, sync: Sync) -> Iterator[Any]:
        if not sync.name:
            yield from self._api.items(self.path(sync.namespace), selector=sync.selector)
            return
        try:
            yield self._api.get(self.path(sync.namespace, sync.name))
        except Gone:
            return


def repository_name(url: str) -> str:
    """Find the name of a repository on GitHub.

    Args:
        url: its URL, in any of the forms that Git takes.

    Returns:
        `owner/name` in lower case; the URL if it has no such form.
    """
    match = re.search(r"[:/]([^:/]+/[^:/]+?)(?:\.git)?/?$", url)
    return match.group(1).lower() if match else url.lower()
