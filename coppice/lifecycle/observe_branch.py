"""Observe one branch by reading single resources. `observe_all.py` lists all and returns the same `Observed`.

What could not be read is `Unknown`. A failed read never becomes `Absent`.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from coppice.components.application import ApplicationReader, Live
from coppice.components.component import Component
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
from coppice.environment.observed_parts import ObservedPart
from coppice.environment.records import BranchRecords, Record
from coppice.reconciler.concurrency import concurrently, side_by_side
from coppice.reconciler.observation import Present, Reading, Unknown, present, read

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Before:
    """An earlier observation of the same run, and what changes may have altered since.

    Args:
        observed: the observation.
        touched: the parts of it that are to be read again.
    """

    observed: Observed
    touched: Set[str]

    def keeps(self, part: str, reading: Reading[object]) -> bool:
        """Return whether a reading of a part still holds. A read that failed is tried again."""
        return part not in self.touched and not isinstance(reading, Unknown)


def _nothing(_: Observed) -> None:
    """Do nothing meanwhile."""


def observe_branch(
    key: Key,
    *,
    config: EnvironmentConfig,
    readers: Readers,
    before: Before | None = None,
    meanwhile: Callable[[Observed], None] = _nothing,
) -> Observed:
    """Observe one branch. Readings that do not depend on each other are taken concurrently.

    Args:
        key: the branch.
        config: the settings that decide about branches.
        readers: the readers of outside systems.
        before: what is known already; `None` to read everything.
        meanwhile: called with the observation of repository, records and namespace, while the rest is read.

    Returns:
        The observation. It takes five calls for an environment that is up.
    """
    expected = config.name(key.branch)
    known = before.observed if before else None

    def again(part: str, reading: Reading[T], look: Callable[[], T | None]) -> Reading[T]:
        return reading if before and before.keeps(part, reading) else read(look)

    def repository() -> tuple[Reading[str], Reading[str]]:
        if known and not isinstance(known.head, Unknown):
            return Present(known.default_branch), known.head
        return read_repository(readers.branches, lambda: readers.branches.head(key.branch))

    with concurrently() as start:
        found = start(repository)
        recorded = start(
            lambda: again(
                ObservedPart.RECORDS,
                known.records if known else NOT_LOOKED_AT,
                lambda: readers.records.get(key, expected),
            )
        )
        stands = start(
            lambda: again(
                ObservedPart.NAMESPACE,
                known.namespace if known else NOT_LOOKED_AT,
                lambda: readers.namespaces.get(expected.namespace),
            )
        )
        issued = start(lambda: read(readers.identities.issuer))
        sleeps = start(lambda: known.asleep_since if known else read(readers.asleep_since))
    (default, head), records, issuer = found(), recorded(), issued()
    observed = Observed(
        key=key,
        name=as_recorded(expected, key, present(records)),
        default_branch=present(default) or "",
        head=head,
        records=records,
        namespace=stands(),
        credentials=issuer if isinstance(issuer, Unknown) else NOT_LOOKED_AT,
        issuer=present(issuer) or "",
        asleep_since=sleeps(),
    )
    with concurrently() as start:
        credentials = start(lambda: _credentials(observed, before, config, readers))
        components = start(lambda: _components(observed, before, readers))
        closer = start(lambda: _closer(observed, before, readers.application))
        started = start(lambda: meanwhile(observed))
    started()
    listed = credentials()
    whole = replace(closer(), listed=listed, components=components())
    if isinstance(issuer, Present) and isinstance(records, Present):
        return replace(whole, credentials=about(observed.name.namespace, listed, issuer.value))
    return whole


def _credentials(
    observed: Observed, before: Before | None, config: EnvironmentConfig, readers: Readers
) -> Listed:
    """List the credentials of the identities that may hold some of the branch."""
    records = present(observed.records)
    if not observed.issuer or records is None:
        return {}
    searched = identities_to_search(records, config)
    known = before.observed.listed if before else {}
    kept = {
        ref: known[ref]
        for ref in searched
        if before and ref in known and before.keeps(ObservedPart.CREDENTIALS, known[ref])
    }
    listed = list_credentials([ref for ref in searched if ref not in kept], readers.identities)
    return {ref: kept[ref] if ref in kept else listed[ref] for ref in searched}


def _components(observed: Observed, before: Before | None, readers: Readers) -> States:
    """Observe each component, except those of which nothing can have changed."""

    def look(component: Component[Any]) -> Reading[object]:
        if before and before.observed.name == observed.name:
            reading = before.observed.of(component.state)
            same = component.reads_the_same(before.observed.recorded.record, observed.recorded.record)
            if same and before.keeps(component.state.name, reading):
                return reading
        return component.observe(observed, readers.components)

    readings = side_by_side(*(partial(look, each) for each in COMPONENTS))
    return States({each.state.name: reading for each, reading in zip(COMPONENTS, readings, strict=True)})


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


def _closer(observed: Observed, before: Before | None, application: ApplicationReader) -> Observed:
    """Add the readings of the namespace's objects: rollout, pruned objects that still exist, and CronJobs.

    Nothing is added if the namespace is not the branch's own or is being deleted. The rollout is read until
    the environment is ready, the pruned objects while the record lists any, and the CronJobs only if the
    environment is to be removed.
    """
    namespace = present(observed.namespace)
    if namespace is None or namespace.owner != observed.key or namespace.terminating_since:
        return observed
    record, known = observed.recorded.record, before.observed if before else observed

    def again(reading: Reading[T], look: Callable[[], T | None]) -> Reading[T]:
        return reading if before and before.keeps(ObservedPart.OBJECTS, reading) else read(look)

    rolls_out = namespace.applied is not None and namespace.applied.result != READY
    with concurrently() as start:
        removed = start(
            lambda: (
                read(lambda: _leaving(namespace.name, record, application))
                if record and record.pruning
                else Present[tuple[Live, ...]](())
            )
        )
        rollout = start(
            lambda: (
                again(known.rollout, lambda: application.rollout(namespace.name))
                if rolls_out
                else observed.rollout
            )
        )
        cron_jobs = start(
            lambda: (
                again(known.cron_jobs, lambda: application.cron_jobs(namespace.name))
                if observed.to_go
                else observed.cron_jobs
            )
        )
    return replace(observed, removed=removed(), rollout=rollout(), cron_jobs=cron_jobs())


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
