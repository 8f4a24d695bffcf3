"""One branch and everything that was observed of it. Every decision is made from this."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

from coppice.components.application import ApplicationReader, Live
from coppice.components.federated_identity import Credential, IdentityReader
from coppice.components.namespace import Applied, Namespace, NamespaceReader
from coppice.components.rollout import Rollout
from coppice.components.slots import NOT_LOOKED_AT, Slot, Slots, States
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import BranchRecords, Record, RecordReader
from coppice.reconciler.concurrency import concurrently
from coppice.reconciler.observation import Absent, Reading, Unknown, present, read

T = TypeVar("T")

AWAKE = Absent()
# Identity → its credentials. `Absent` means that the identity does not exist; one that exists and holds no
# credentials is `Present` with an empty tuple.
Listed: TypeAlias = Mapping[str, Reading[tuple[Credential, ...]]]


class BranchReader(Protocol):
    """Reads the repository."""

    def default_branch(self) -> str:
        """Return the repository's default branch. If this succeeds, the repository can be read."""

    def head(self, branch: str) -> str | None:
        """Return a branch's head commit.

        Args:
            branch: the branch's exact name.

        Returns:
            The commit; `None` only if no branch has exactly this name.

        Raises:
            Failure: it could not be determined.
        """

    def heads(self) -> Mapping[str, str]:
        """Return every branch and its head commit, reading page by page."""


def read_repository(branches: BranchReader, look: Callable[[], T | None]) -> tuple[Reading[str], Reading[T]]:
    """Read something from the repository, and verify that the repository itself can be read.

    GitHub also answers 404 to a caller that may not read a repository. So a 404 counts as absent only if the
    default branch could be read.

    Args:
        branches: reads the repository.
        look: performs the read.

    Returns:
        The readings of the default branch and of `look`; both are `Unknown` if the repository cannot be read.
    """
    with concurrently() as start:
        default, found = start(lambda: read(branches.default_branch)), start(lambda: read(look))
    readable = default()
    return readable, readable if isinstance(readable, Unknown) else found()


def _awake() -> datetime | None:
    """Return `None`: without a schedule no environment sleeps."""
    return None


@dataclass(frozen=True, kw_only=True)
class Readers:
    """All read ports. None of them changes anything.

    Args:
        branches: reads the repository.
        records: reads records and requests.
        namespaces: reads namespaces.
        identities: reads identities and credentials.
        application: reads the objects of a namespace.
        components: the readers of the other components. The slot of one that branches do not get is empty.
        asleep_since: returns since when branch environments should be asleep; `None` if they should be awake.
    """

    branches: BranchReader
    records: RecordReader
    namespaces: NamespaceReader
    identities: IdentityReader
    application: ApplicationReader
    components: Slots = field(default_factory=Slots)
    asleep_since: Callable[[], datetime | None] = _awake


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """One branch and everything that was observed of it.

    Args:
        key: the branch.
        name: all names of its environment.
        default_branch: the repository's default branch; empty if unknown.
        head: the branch's head commit.
        records: its record and request; never `Absent`.
        namespace: its namespace.
        credentials: the credentials for its namespace. They are searched for on the identities that its
            record names, or on all identities if the record names none or there is no record. `Unknown` if
            one of these identities was not read.
        listed: all credentials of each identity that was searched.
        components: the state of the other components.
        issuer: the cluster's issuer of service-account tokens; empty if unknown.
        asleep_since: since when branch environments should be asleep; `Absent` if they should be awake.
        rollout: the state of its workloads; read only until they are ready.
        removed: the objects that are being pruned and still exist.
        cron_jobs: the CronJobs that are not suspended; read only if the environment may have to be removed.
    """

    key: Key
    name: Name
    default_branch: str
    head: Reading[str]
    records: Reading[BranchRecords]
    namespace: Reading[Namespace]
    credentials: Reading[tuple[Credential, ...]]
    listed: Listed = field(default_factory=dict)
    components: States = field(default_factory=States)
    issuer: str = ""
    asleep_since: Reading[datetime] = AWAKE
    rollout: Reading[Rollout] = NOT_LOOKED_AT
    removed: Reading[tuple[Live, ...]] = NOT_LOOKED_AT
    cron_jobs: Reading[tuple[str, ...]] = NOT_LOOKED_AT

    def of(self, slot: Slot[T]) -> Reading[T]:
        """Return the reading of one component's state."""
        return self.components.get(slot)

    @property
    def parts(self) -> tuple[Reading[object], ...]:
        """Return every reading that a removal depends on."""
        return self.records, self.namespace, self.credentials, *self.components.readings.values()

    @property
    def there(self) -> tuple[Credential, ...]:
        """Return the credentials for its namespace, as far as they were read."""
        known = present(self.credentials)
        return credentials_about(self.name.namespace, self.listed, self.issuer) if known is None else known

    @property
    def recorded(self) -> BranchRecords:
        """Return its record and request; empty if they could not be read."""
        return present(self.records) or BranchRecords()

    @property
    def record(self) -> Record:
        """Return the record of its namespace; a new, empty one if there is none."""
        return self.recorded.record or Record(
            key=self.key, slug=self.name.slug, namespace=self.name.namespace
        )

    @property
    def own_record(self) -> Record | None:
        """Return the record of its namespace if it is this branch's; `None` if it is another branch's."""
        record = self.recorded.record
        return record if record is not None and record.key == self.key else None

    @property
    def applied(self) -> Applied | None:
        """Return what was applied last, if the namespace is this branch's."""
        namespace = present(self.namespace)
        return namespace.applied if namespace is not None and namespace.owner == self.key else None

    @property
    def to_go(self) -> bool:
        """Return whether the branch is absent, held or the default branch.

        If so, the environment may have to be removed, and what a removal depends on is read as well.
        """
        request, default = self.recorded.request, self.key.branch == self.default_branch
        return isinstance(self.head, Absent) or default or (request is not None and request.action == "hold")


def credentials_about(namespace: str, listed: Listed, issuer: str) -> tuple[Credential, ...]:
    """Return the credentials that trust service accounts of a namespace, as far as they were read.

    Args:
        namespace: the namespace.
        listed: the credentials of each identity.
        issuer: the issuer of our cluster; credentials of other clusters are left out.
    """
    found = (each for credentials in listed.values() for each in present(credentials) or ())
    return tuple(each for each in found if each.namespace == namespace and each.issuer == issuer)


def list_credentials(identities: Iterable[str], reader: IdentityReader) -> Listed:
    """List the credentials of several identities.

    Each identity has a reading of its own, so that one that cannot be read does not hide the others.

    Args:
        identities: the identities to list.
        reader: reads them.
    """
    with concurrently() as start:
        listed = {each: start(partial(read, partial(reader.credentials, each))) for each in identities}
    return {identity: reading() for identity, reading in listed.items()}
