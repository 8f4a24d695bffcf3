"""Observe all branches at once: each kind of resource is listed once, and the lists are split by branch.

The number of calls depends on the number of pages of the lists, not on the number of branches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from coppice.components.observed import Listed, Observed, Readers, read_repository
from coppice.components.registry import COMPONENTS
from coppice.components.slots import States
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.records import BranchRecords, RecordSet
from coppice.lifecycle.observe_branch import (
    about,
    as_recorded,
    identities_to_search,
)
from coppice.lifecycle.orphans import orphans
from coppice.reconciler.concurrency import concurrently
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present, read

V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class World:
    """The observation of all branches.

    Args:
        branches: the observation of each branch.
        orphans: the resources with Coppice's marks that no run changes, see `orphans.py`. A person decides
            what happens to them.
    """

    branches: tuple[Observed, ...]
    orphans: tuple[str, ...] = ()


def observe_all(*, config: EnvironmentConfig, readers: Readers) -> World:
    """Observe all branches that exist or that something exists of.

    Branches, namespaces, records, the credentials of each identity and each component are listed once, page
    by page. If one list fails, its reading is `Unknown` for exactly the branches that depend on it.

    Args:
        config: the settings that decide about branches.
        readers: the readers of outside systems.

    Returns:
        The observation of each branch, in the order of the branch names, and the orphans.
    """
    with concurrently() as start:
        repository = start(lambda: read_repository(readers.branches, readers.branches.heads))
        every_namespace = start(lambda: read(lambda: {each.name: each for each in readers.namespaces.all()}))
        every_record = start(lambda: read(readers.records.all))
        surveys = {
            each.state.name: start(partial(each.observe_all, readers.components)) for each in COMPONENTS
        }
        issued = start(lambda: read(readers.identities.issuer))
        sleeps = start(lambda: read(readers.asleep_since))
    default, heads = repository()
    if isinstance(heads, Present) and not heads.value:
        heads = Unknown(Unreachable("GitHub listed no branch at all, and a repository that was read has one"))
    namespaces, records, issuer, asleep_since = every_namespace(), every_record(), issued(), sleeps()
    shelf = present(records) or RecordSet()
    observations = {name: survey() for name, survey in surveys.items()}
    pools = [identity for pool in config.pools.values() for identity in pool]
    searched = dict.fromkeys(
        [
            *pools,
            *(ref for record in shelf.records for ref in identities_to_search(BranchRecords(record), config)),
        ]
    )
    listed: Listed = (
        dict.fromkeys(searched, issuer)
        if isinstance(issuer, Unknown)
        # One after the other: a subscription's reads are limited, and runs of branches need them too
        # (https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling).
        else {each: read(partial(readers.identities.credentials, each)) for each in searched}
    )

    marked = [
        *(each.owner for each in (present(namespaces) or {}).values()),
        *(each.key for each in shelf.records),
        *(each.key for each in shelf.requests),
        *(mark.owner for survey in observations.values() for mark in survey.marks),
    ]
    keys = {config.key(branch) for branch in present(heads) or {}}
    keys |= {config.key(each.branch) for each in marked if each and each.repository == config.repository}
    known = {config.name(key.branch).namespace for key in keys}
    unclaimed = [
        each
        for credentials in listed.values()
        for each in present(credentials) or ()
        if each.issuer == present(issuer)
        and each.name.startswith(config.prefixes.credential)
        and (each.namespace or "").startswith(config.prefixes.namespace)
        and each.namespace not in known
    ]
    # A slug that is the unchanged branch name identifies the branch; a suffixed slug does not.
    slugs = {each: (each.namespace or "").removeprefix(config.prefixes.namespace) for each in unclaimed}
    keys |= {
        config.key(slug)
        for each, slug in slugs.items()
        if slug and config.name(slug).namespace == each.namespace
    }

    by_namespace = {record.namespace: record for record in shelf.records}
    by_key = {request.key: request for request in shelf.requests}

    def observed(key: Key) -> Observed:
        name = config.name(key.branch)
        noted = BranchRecords(by_namespace.get(name.namespace), by_key.get(key))
        name = as_recorded(name, key, noted)
        found = {ref: listed[ref] for ref in identities_to_search(noted, config)}
        looked = Observed(
            key=key,
            name=name,
            default_branch=present(default) or "",
            head=_entry(heads, key.branch),
            records=_of_one(records, noted, name.slug),
            namespace=_entry(namespaces, name.namespace),
            credentials=about(name.namespace, found, present(issuer) or ""),
            listed=found,
            issuer=present(issuer) or "",
            asleep_since=asleep_since,
        )
        return replace(looked, components=States({of: each.of(looked) for of, each in observations.items()}))

    branches = tuple(observed(key) for key in sorted(keys, key=lambda key: key.branch))
    return World(
        branches=branches,
        orphans=orphans(
            branches,
            credentials=unclaimed,
            namespaces=(present(namespaces) or {}).values(),
            shelf=shelf,
            observations=observations.values(),
            config=config,
        ),
    )


def _of_one(records: Reading[RecordSet], noted: BranchRecords, slug: str) -> Reading[BranchRecords]:
    if isinstance(records, Present):
        unparseable = records.value.unparseable.get(slug)
        return Present(noted) if unparseable is None else Unknown(unparseable)
    return records


def _entry(reading: Reading[Mapping[str, V]], name: str) -> Reading[V]:
    """Return the reading of one name from the reading of a complete list."""
    if not isinstance(reading, Present):
        return reading
    return Present(reading.value[name]) if name in reading.value else Absent()
