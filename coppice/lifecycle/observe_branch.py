"""Look at one branch, by gets. `observe_all.py` looks at all of them, by lists, and the same `Observed` comes
out.

Whatever was not read is `Unknown`, and stays it: nothing here takes a failure for an absence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol, TypeAlias

from coppice.components.application import ApplicationReader, Live, Rollout
from coppice.components.database import Database, DatabaseReader
from coppice.components.federated_identity import Credential, IdentityReader
from coppice.components.monitoring.shared import Shared, SharedReader
from coppice.components.namespace import READY, Namespace, NamespaceReader
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import BranchRecords, Record, RecordReader, SharedName
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present, read

AWAKE = NO_DATABASE = NO_MONITORING = Absent()
NOT_LOOKED_AT: Unknown = Unknown(Unreachable("not looked at"))
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
        databases: reads databases; `None` if branches get none.
        monitoring: reads the monitoring that all share; `None` if branches have no part in it.
        asleep_since: tells since when branch environments should be asleep; `None` if they should be awake.
    """

    branches: BranchReader
    records: RecordReader
    namespaces: NamespaceReader
    identities: IdentityReader
    application: ApplicationReader
    databases: DatabaseReader | None = None
    monitoring: SharedReader | None = None
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
        database: its database; `Absent` where branches get none.
        monitoring: the shared configuration of monitoring; looked at only when the environment is to go.
        issuer: the cluster's issuer; empty if unknown.
        asleep_since: since when branch environments should be asleep; `Absent` if they should be awake.
        rollout: whether its workloads are up; looked at only until they are.
        leaving: objects being pruned that still stand.
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
    database: Reading[Database] = NO_DATABASE
    monitoring: Reading[Shared] = NO_MONITORING
    issuer: str = ""
    asleep_since: Reading[datetime] = AWAKE
    rollout: Reading[Rollout] = NOT_LOOKED_AT
    leaving: Reading[tuple[Live, ...]] = NOT_LOOKED_AT
    cron_jobs: Reading[tuple[str, ...]] = NOT_LOOKED_AT

    @property
    def parts(self) -> tuple[Reading[object], ...]:
        """Every reading that a removal depends on."""
        return self.records, self.namespace, self.credentials, self.database, self.monitoring

    @property
    def there(self) -> tuple[Credential, ...]:
        """The credentials about its namespace, as far as they were read."""
        known = present(self.credentials)
        return _about(self.name.namespace, self.listed, self.issuer) if known is None else known

    @property
    def recorded(self) -> BranchRecords:
        """The books, as far as they were read."""
        return present(self.records) or BranchRecords()


def observe_branch(key: Key, *, config: EnvironmentConfig, readers: Readers) -> Observed:
    """Look at one branch.

    Args:
        key: the branch.
        config: what decides about branches.
        readers: what looks.

    Returns:
        What was seen: five calls for an environment that is up.
    """
    name, databases = config.name(key.branch), readers.databases
    default = read(readers.branches.default_branch)
    # A 404 on the branch means "absent" only if the repository itself can be read.
    head: Reading[str] = (
        default if isinstance(default, Unknown) else read(lambda: readers.branches.head(key.branch))
    )
    records: Reading[BranchRecords] = read(lambda: readers.records.get(key, name))
    name = as_recorded(name, key, present(records))
    namespace = read(lambda: readers.namespaces.get(name.namespace))
    issuer = read(readers.identities.issuer)
    listed: Listed = {}
    credentials: Reading[tuple[Credential, ...]] = NOT_LOOKED_AT
    if isinstance(issuer, Present) and isinstance(records, Present):
        listed = list_credentials(identities_to_search(records.value, config), readers.identities)
        credentials = about(name.namespace, listed, issuer.value)
    elif isinstance(issuer, Unknown):
        credentials = issuer
    observed = Observed(
        key=key,
        name=name,
        default_branch=present(default) or "",
        head=head,
        records=records,
        namespace=namespace,
        credentials=credentials,
        listed=listed,
        database=NO_DATABASE if databases is None else read(lambda: databases.get(name.database)),
        issuer=present(issuer) or "",
        asleep_since=read(readers.asleep_since),
    )
    return _closer(_with_part(observed, readers.monitoring), readers.application)


def as_recorded(name: Name, key: Key, records: BranchRecords | None) -> Name:
    """A branch's names, its database under the one that it was made with, whatever the prefix is by now.

    Args:
        name: every name by the present rules.
        key: the branch.
        records: its record and request, if they could be read.
    """
    record = records.record if records else None
    if record is None or record.key != key or not record.database:
        return name
    return replace(name, database=record.database)


def identities_to_search(records: BranchRecords, config: EnvironmentConfig) -> tuple[str, ...]:
    """The identities that a branch's credentials may stand on: its record's, or all if it names none."""
    if records.record is None or not records.record.identities:
        return tuple(dict.fromkeys(identity for pool in config.pools.values() for identity in pool))
    named = (*records.record.identities.values(), *(ref.identity for ref in records.record.credentials))
    return tuple(dict.fromkeys(named))


def list_credentials(identities: Iterable[str], reader: IdentityReader) -> Listed:
    """Every credential of some identities, a list for each: one that cannot be read hides no other."""
    return {identity: read(partial(reader.credentials, identity)) for identity in identities}


def about(namespace: str, listed: Listed, issuer: str) -> Reading[tuple[Credential, ...]]:
    """Those that let service accounts of a namespace of our cluster in; unknown if one list is."""
    unread = next((each for each in listed.values() if isinstance(each, Unknown)), None)
    return unread or Present(_about(namespace, listed, issuer))


def _about(namespace: str, listed: Listed, issuer: str) -> tuple[Credential, ...]:
    found = (each for credentials in listed.values() for each in present(credentials) or ())
    return tuple(each for each in found if each.namespace == namespace and each.issuer == issuer)


def _with_part(observed: Observed, monitoring: SharedReader | None) -> Observed:
    """Look for its part in the shared monitoring, where its record says it has one. A lost record tells of
    none, so for what is to go without one it is looked for everywhere.
    """
    record = observed.recorded.record
    noted = record.monitored if record is not None else ()
    if monitoring is None or not (noted or (record is None and to_go(observed))):
        return observed
    names = tuple(SharedName) if to_go(observed) else noted
    return replace(observed, monitoring=read(lambda: monitoring.read(names)))


def to_go(observed: Observed) -> bool:
    """Whether the branch is gone, held, or the default one: what its removal needs to know is looked at."""
    request, default = observed.recorded.request, observed.key.branch == observed.default_branch
    return isinstance(observed.head, Absent) or default or (request is not None and request.action == "hold")


def _closer(observed: Observed, application: ApplicationReader) -> Observed:
    """Look at what the rest asks for: a rollout that is under way, objects that are leaving, CronJobs that
    are to stop.
    """
    namespace = present(observed.namespace)
    if namespace is None or namespace.owner != observed.key or namespace.terminating_since:
        return observed
    record = observed.recorded.record
    leaving: Reading[tuple[Live, ...]] = Present(())
    if record and record.pruning:
        leaving = read(lambda: _leaving(namespace.name, record, application))
    if namespace.applied and namespace.applied.result != READY:
        observed = replace(observed, rollout=read(lambda: application.rollout(namespace.name)))
    if to_go(observed):
        observed = replace(observed, cron_jobs=read(lambda: application.cron_jobs(namespace.name)))
    return replace(observed, leaving=leaving)


def _leaving(namespace: str, record: Record, application: ApplicationReader) -> tuple[Live, ...]:
    """The objects being pruned that still stand. A few kinds are served by two groups, as Events are; so what
    stands under the uid of an object of the overlay is that object, whatever the record calls it.
    """
    leaving = set(record.pruning)
    called = {(ref.kind, ref.name) for ref in leaving}
    alike = [ref for ref in record.inventory if (ref.kind, ref.name) in called and ref not in leaving]
    found = application.live(namespace, (*record.pruning, *alike))
    kept = {live.uid for live in found if live.ref not in leaving}
    return tuple(live for live in found if live.uid not in kept)
