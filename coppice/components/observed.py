"""One branch, and what stands for it: what every decision is made from."""

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
from coppice.reconciler.observation import Absent, Reading, Unknown, present, read

T = TypeVar("T")

AWAKE = Absent()
# Identity → its credentials; `Absent` is an identity that does not exist, which is not one that is empty.
Listed: TypeAlias = Mapping[str, Reading[tuple[Credential, ...]]]


class BranchReader(Protocol):
    """Reads the repository."""

    def default_branch(self) -> str:
        """The repository's default branch: proof that the repository can be read."""

    def head(self, branch: str) -> str | None:
        """The branch's commit; `None` only if the branch does not exist under this very name.

        Raises:
            Failure: it could not be told.
        """

    def heads(self) -> Mapping[str, str]:
        """Every branch and its commit, page by page."""


def read_repository(branches: BranchReader, look: Callable[[], T | None]) -> tuple[Reading[str], Reading[T]]:
    """Look at something in the repository. A 404 means "absent" only if the repository itself can be read.

    Args:
        branches: reads the repository.
        look: reads what is asked for.

    Returns:
        The default branch, and what was asked for; both unknown if the repository cannot be read.
    """
    default = read(branches.default_branch)
    return default, default if isinstance(default, Unknown) else read(look)


def _awake() -> datetime | None:
    """Without a schedule no environment sleeps."""
    return None


@dataclass(frozen=True, kw_only=True)
class Readers:
    """All that looks at the world and changes nothing.

    Args:
        branches: reads the repository.
        records: reads what is written down.
        namespaces: reads namespaces.
        identities: reads identities and credentials.
        application: reads what stands in a namespace.
        components: what reads the other components; empty where branches get none of one.
        asleep_since: tells since when branch environments should be asleep; `None` if they should be awake.
    """

    branches: BranchReader
    records: RecordReader
    namespaces: NamespaceReader
    identities: IdentityReader
    application: ApplicationReader
    components: Slots = field(default_factory=Slots)
    asleep_since: Callable[[], datetime | None] = _awake


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One branch, and what stands for it.

    Args:
        key: the branch.
        name: every name that its environment bears.
        default_branch: the repository's default branch; empty if unknown.
        head: the branch's commit.
        records: its record and request; never `Absent`.
        namespace: its namespace.
        credentials: those about its namespace, on the identities its record names; on all if it has no
            record. Not known if one of these identities was not read.
        listed: every credential of the identities that were looked through for it.
        components: what stands of the other components.
        issuer: the cluster's issuer; empty if unknown.
        asleep_since: since when branch environments should be asleep; `Absent` if they should be awake.
        rollout: whether its workloads are up; looked at only until they are.
        removed: objects being pruned that still stand.
        cron_jobs: CronJobs that still start pods; looked at only when the namespace is to go.
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
        """What stands of one component."""
        return self.components.get(slot)

    @property
    def parts(self) -> tuple[Reading[object], ...]:
        """Every reading that a removal depends on."""
        return self.records, self.namespace, self.credentials, *self.components.readings.values()

    @property
    def there(self) -> tuple[Credential, ...]:
        """The credentials about its namespace, as far as they were read."""
        known = present(self.credentials)
        return credentials_about(self.name.namespace, self.listed, self.issuer) if known is None else known

    @property
    def recorded(self) -> BranchRecords:
        """What is written down, as far as it was read."""
        return present(self.records) or BranchRecords()

    @property
    def record(self) -> Record:
        """The record of its namespace; an empty one if none is written."""
        return self.recorded.record or Record(
            key=self.key, slug=self.name.slug, namespace=self.name.namespace
        )

    @property
    def own_record(self) -> Record | None:
        """The branch's record, if the one of its namespace is not another branch's."""
        record = self.recorded.record
        return record if record is not None and record.key == self.key else None

    @property
    def applied(self) -> Applied | None:
        """What was applied last, if the namespace is the branch's."""
        namespace = present(self.namespace)
        return namespace.applied if namespace is not None and namespace.owner == self.key else None

    @property
    def to_go(self) -> bool:
        """Whether the branch is gone, held, or the default one: what its removal has to know is looked at."""
        request, default = self.recorded.request, self.key.branch == self.default_branch
        return isinstance(self.head, Absent) or default or (request is not None and request.action == "hold")


def credentials_about(namespace: str, listed: Listed, issuer: str) -> tuple[Credential, ...]:
    """Those that let service accounts of a namespace of our cluster in, as far as they were read."""
    found = (each for credentials in listed.values() for each in present(credentials) or ())
    return tuple(each for each in found if each.namespace == namespace and each.issuer == issuer)


def list_credentials(identities: Iterable[str], reader: IdentityReader) -> Listed:
    """Every credential of some identities, a list for each: one that cannot be read hides no other."""
    return {identity: read(partial(reader.credentials, identity)) for identity in identities}
