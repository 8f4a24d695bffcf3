"""Observe one branch by reading single resources. `observe_all.py` lists all and returns the same `Observed`.

What could not be read is `Unknown`. A failed read never becomes `Absent`.
"""

from dataclasses import replace

from coppice.components.application import ApplicationReader, Live
from coppice.components.federated_identity import Credential
from coppice.components.namespace import READY
from coppice.components.observed import (
    Listed,
    Observed,
    Readers,
    credentials_about,
    list_credentials,
    read_repository,
)
from coppice.components.registry import COMPONENTS
from coppice.components.slots import NOT_LOOKED_AT, States
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import BranchRecords, Record
from coppice.reconciler.observation import Present, Reading, Unknown, present, read


def observe_branch(key: Key, *, config: EnvironmentConfig, readers: Readers) -> Observed:
    """Observe one branch.

    Args:
        key: the branch.
        config: the settings that decide about branches.
        readers: the readers of outside systems.

    Returns:
        The observation. It takes five calls for an environment that is up.
    """
    name = config.name(key.branch)
    default, head = read_repository(readers.branches, lambda: readers.branches.head(key.branch))
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
        issuer=present(issuer) or "",
        asleep_since=read(readers.asleep_since),
    )
    stand = {each.state.name: each.observe(observed, readers.components) for each in COMPONENTS}
    return _closer(replace(observed, components=States(stand)), readers.application)


def as_recorded(name: Name, key: Key, records: BranchRecords | None) -> Name:
    """Return a branch's names, replacing those that its components were created under before settings
    changed.

    Args:
        name: the names by the present settings.
        key: the branch.
        records: the record and the request of the branch; `None` if they could not be read.

    Returns:
        The names under which the branch's resources exist.
    """
    record = records.record if records else None
    if record is None or record.key != key:
        return name
    for each in COMPONENTS:
        name = each.as_recorded(name, record)
    return name


def identities_to_search(records: BranchRecords, config: EnvironmentConfig) -> tuple[str, ...]:
    """Return the identities that may hold credentials of a branch.

    Args:
        records: the record and the request of the branch.
        config: the settings that decide about branches.

    Returns:
        The identities that the record names; all configured identities if it names none.
    """
    if records.record is None or not records.record.identities:
        return tuple(dict.fromkeys(identity for pool in config.pools.values() for identity in pool))
    named = (*records.record.identities.values(), *(ref.identity for ref in records.record.credentials))
    return tuple(dict.fromkeys(named))


def about(namespace: str, listed: Listed, issuer: str) -> Reading[tuple[Credential, ...]]:
    """Return the credentials for service accounts of a namespace of this cluster.

    Args:
        namespace: the namespace.
        listed: the credentials of each identity that was searched.
        issuer: the issuer of the cluster's tokens.

    Returns:
        The credentials; `Unknown` if one of the lists is.
    """
    unread = next((each for each in listed.values() if isinstance(each, Unknown)), None)
    return unread or Present(credentials_about(namespace, listed, issuer))


def _closer(observed: Observed, application: ApplicationReader) -> Observed:
    """Add the readings that depend on the earlier ones: rollout, pruned objects that still exist, and
    CronJobs.

    Nothing is added if the namespace is not the branch's own or is being deleted. The rollout is read until
    the environment is ready, the pruned objects while the record lists any, and the CronJobs only if the
    environment is to be removed.
    """
    namespace = present(observed.namespace)
    if namespace is None or namespace.owner != observed.key or namespace.terminating_since:
        return observed
    record = observed.recorded.record
    removed: Reading[tuple[Live, ...]] = Present(())
    if record and record.pruning:
        removed = read(lambda: _leaving(namespace.name, record, application))
    if namespace.applied and namespace.applied.result != READY:
        observed = replace(observed, rollout=read(lambda: application.rollout(namespace.name)))
    if observed.to_go:
        observed = replace(observed, cron_jobs=read(lambda: application.cron_jobs(namespace.name)))
    return replace(observed, removed=removed)


def _leaving(namespace: str, record: Record, application: ApplicationReader) -> tuple[Live, ...]:
    """Return the objects that are being pruned and still exist.

    A few kinds, such as Event, are served by two API groups. So an object with the uid of an object of the
    overlay is that object, under whichever group the record lists it, and is left out.
    """
    removed = set(record.pruning)
    called = {(ref.kind, ref.name) for ref in removed}
    alike = [ref for ref in record.inventory if (ref.kind, ref.name) in called and ref not in removed]
    found = application.live(namespace, (*record.pruning, *alike))
    kept = {live.uid for live in found if live.ref not in removed}
    return tuple(live for live in found if live.uid not in kept)
