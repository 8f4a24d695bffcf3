"""Readers that treat resources marked with a former name of the repository as resources of the present one.

A repository that was renamed or moved to another owner is still the same one, and its environments are still
marked with the name that it had. The readers return the present name. The marks themselves stay as they were
written, because an admission policy forbids changing the owner of an environment.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from coppice.components.namespace import Namespace, NamespaceReader
from coppice.components.observed import Readers
from coppice.components.registry import COMPONENTS
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import BranchRecords, Record, RecordReader, RecordSet, Request


def under_former_names(readers: Readers, config: EnvironmentConfig) -> Readers:
    """Return readers that treat what is marked with a former name of the repository as the repository's own.

    Args:
        readers: the readers of outside systems.
        config: the present name and the former names of the repository.

    Returns:
        The readers.
    """
    components = readers.components
    for each in COMPONENTS:
        components = each.under_former_names(components, config)
    return replace(
        readers,
        records=_Records(readers.records, config),
        namespaces=_Namespaces(readers.namespaces, config),
        components=components,
    )


@dataclass(frozen=True)
class _Records:
    inner: RecordReader
    config: EnvironmentConfig

    def get(self, key: Key, name: Name) -> BranchRecords:
        """Read the record and the request of one branch.

        A request is stored under the name of the repository, so it is looked up under each name.

        Args:
            key: the branch.
            name: its names.

        Returns:
            What was found, under the present name of the repository.
        """
        found = self.inner.get(key, name)
        record, request = found.record, found.request
        for former in self.config.former:
            if request is None:
                request = self.inner.get(Key(repository=former, branch=key.branch), name).request
        return BranchRecords(record and self._record(record), request and self._request(request))

    def all(self) -> RecordSet:
        """Read all records and requests."""
        shelf = self.inner.all()
        # If a branch has two requests, the one under the present name counts, as in `get`.
        former_first = sorted(shelf.requests, key=lambda each: each.key.repository == self.config.repository)
        requests = {each.key: each for each in map(self._request, former_first)}
        records = tuple(map(self._record, shelf.records))
        return replace(shelf, records=records, requests=tuple(requests.values()))

    def _record(self, record: Record) -> Record:
        return replace(record, key=self.config.known(record.key))

    def _request(self, request: Request) -> Request:
        return replace(request, key=self.config.known(request.key))


@dataclass(frozen=True)
class _Namespaces:
    inner: NamespaceReader
    config: EnvironmentConfig

    def get(self, name: str) -> Namespace | None:
        """Read a namespace.

        Args:
            name: its name.

        Returns:
            The namespace; `None` if it does not exist.
        """
        found = self.inner.get(name)
        return found and self._known(found)

    def all(self) -> Iterator[Namespace]:
        """Read all namespaces of the cluster."""
        return map(self._known, self.inner.all())

    def _known(self, namespace: Namespace) -> Namespace:
        owner = namespace.owner
        return namespace if owner is None else replace(namespace, known_as=self.config.known(owner))
