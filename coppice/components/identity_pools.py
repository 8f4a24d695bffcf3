"""The assignment of an identity of each pool to an environment.

A credential that another environment's record names takes up a place on its identity, whether or not it
exists yet. So environments that are created at the same time spread over the pool and do not compete for the
same last place.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from zlib import crc32

from coppice.components.federated_identity import MOST_CREDENTIALS, Credential
from coppice.components.observed import Listed, Observed, list_credentials
from coppice.components.stages import ApplyObservation
from coppice.environment.config import EnvironmentConfig
from coppice.environment.naming import Name, subject
from coppice.environment.records import Record
from coppice.reconciler.errors import Failure
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present


@dataclass(frozen=True, kw_only=True)
class NoRoom:
    """The assignment failed, because no identity of a pool has room.

    Args:
        pool: the pool.
        need: the number of credentials that an environment needs on an identity of the pool.
        rooms: identity → the number of credentials that it has room for.
        gone: the identities that do not exist.
        unread: identity → why it was not read.
    """

    pool: str
    need: int
    rooms: Mapping[str, int]
    gone: tuple[str, ...] = ()
    unread: Mapping[str, Failure] = field(default_factory=dict)

    def __str__(self) -> str:
        named = f"pool {self.pool!r}" if self.pool else "WORKLOAD_IDENTITIES"
        rooms = [f"{ref} has {room} left" for ref, room in self.rooms.items()]
        rooms += [f"{ref} does not exist: create it again, or take it out" for ref in self.gone]
        rooms += [f"{ref} was not read: {error}" for ref, error in self.unread.items()]
        more = "1 more credential" if self.need == 1 else f"{self.need} more credentials"
        return f"no identity of {named} has room for {more} ({'; '.join(rooms)}). Add one"


@dataclass(frozen=True, kw_only=True)
class Given:
    """The identities that are assigned to an environment.

    Args:
        identities: pool → identity.
        clients: identity → its client id.
    """

    identities: Mapping[str, str]
    clients: Mapping[str, str]


Assignment: TypeAlias = Given | NoRoom


def enough_to_make(observed: Observed, config: EnvironmentConfig) -> Reading[tuple[Credential, ...]]:
    """Return the credentials as far as provisioning or repairing the environment depends on them.

    Provisioning depends on the identities that the record names. If the record names none, it needs one
    identity of each pool to have been read. A removal, in contrast, depends on all identities.

    Args:
        observed: the branch.
        config: the configuration of all branch environments.

    Returns:
        The credentials that were read, if these identities were; otherwise the reading of all credentials.
    """
    record = observed.recorded.record
    own = [frozenset({ref}) for ref in record.identities.values()] if record else []
    choices = own or [frozenset(config.pools[pool]) for pool in config.accounts.values()]
    known = {ref for ref, each in observed.listed.items() if not isinstance(each, Unknown)}
    return (
        Present(observed.there) if all(known.intersection(each) for each in choices) else observed.credentials
    )


def gone_identities(observed: Observed) -> frozenset[str]:
    """Return the identities that were searched and do not exist."""
    return frozenset(ref for ref, each in observed.listed.items() if isinstance(each, Absent))


def given(observation: ApplyObservation) -> Assignment:
    """Read the candidate identities, and assign one of each pool to an environment.

    Identities that were already listed for the branch are not listed again.

    Args:
        observation: the branch, the records and the read ports.

    Returns:
        The assigned identities with their client ids, or the pool that has no room.

    Raises:
        Failure: the client id of an assigned identity could not be read.
    """
    observed, config, reader = observation.observed, observation.config, observation.readers.identities
    record, there, name = observed.recorded.record, observed.there, observed.name
    missing = [ref for ref in candidates(record, there, name, config) if ref not in observed.listed]
    listed = {**observed.listed, **list_credentials(dict.fromkeys(missing), reader)}
    known = present(observation.records)
    others = [each for each in known.records if each.namespace != name.namespace] if known else []
    assigned = assign(record, there, listed=listed, others=others, name=name, config=config)
    if isinstance(assigned, NoRoom):
        return assigned
    return Given(
        identities=assigned, clients={ref: reader.client_id(ref) for ref in dict.fromkeys(assigned.values())}
    )


def to_be_chosen(observed: Observed, config: EnvironmentConfig) -> bool:
    """Return whether an identity of some pool has to be chosen, or its own may not be able to be kept.

    Args:
        observed: the branch.
        config: the configuration of all branch environments.
    """
    record = observed.recorded.record
    noted = dict(record.identities) if record else {}
    return any(
        pool not in noted or _lacking(pool, noted[pool], observed.there, observed.name, config)
        for pool in _pools(config)
    )


def candidates(
    record: Record | None, there: Collection[Credential], name: Name, config: EnvironmentConfig
) -> Iterator[str]:
    """Yield the identities whose credentials must be known before one of each pool is assigned.

    Args:
        record: the environment's record.
        there: the existing credentials for its namespace.
        name: its names.
        config: the configuration of all branch environments.
    """
    noted = dict(record.identities) if record else {}
    for pool in _pools(config):
        chosen = noted.get(pool)
        if chosen is not None:
            yield chosen
        if chosen is None or _lacking(pool, chosen, there, name, config):
            yield from config.pools[pool]


def assign(
    record: Record | None,
    there: Collection[Credential],
    *,
    listed: Listed,
    others: Iterable[Record],
    name: Name,
    config: EnvironmentConfig,
) -> Mapping[str, str] | NoRoom:
    """Assign an identity of each pool to an environment.

    The identity that the record names is kept if it can hold the credentials that are missing on it; one that
    could not be read is kept as well. Otherwise an identity with enough room is chosen, in this order of
    preference:

    1. one that already holds a credential of the environment, because the record may have been lost;
    2. the one with the most room;
    3. among equals, by a hash of the namespace, so that environments created at the same time differ.

    An identity that does not exist or was not read is never chosen anew.

    Args:
        record: the environment's record.
        there: the existing credentials for its namespace.
        listed: identity → all its credentials, for each of the `candidates`.
        others: the records of the other environments.
        name: its names.
        config: the configuration of all branch environments.

    Returns:
        Pool → identity, or the pool that has no room.
    """
    noted, rooms = dict(record.identities) if record else {}, _rooms(listed, others)
    holding = {each.identity for each in there}
    chosen: dict[str, str] = {}
    for pool in _pools(config):
        own = noted.get(pool)
        # Only existing credentials count here, not those that other records name. Records may name more
        # than an identity can hold; if they counted, the environments would all wait for each other.
        if own is not None and _holds(own, _lacking(pool, own, there, name, config), listed):
            chosen[pool] = own
            continue
        refs = config.pools[pool]
        known = {ref: rooms[ref] for ref in refs if ref in rooms}
        by_room = sorted(
            (ref for ref in known if _lacking(pool, ref, there, name, config) <= known[ref]),
            key=lambda ref: (ref not in holding, -rooms[ref], crc32(f"{name.namespace} {ref}".encode())),
        )
        if not by_room:
            most = sum(1 for each in config.accounts.values() if each == pool)
            read = {ref: listed.get(ref) for ref in refs}
            gone = tuple(ref for ref, each in read.items() if isinstance(each, Absent))
            unread = {ref: each.error for ref, each in read.items() if isinstance(each, Unknown)}
            return NoRoom(pool=pool, need=most, rooms=known, gone=gone, unread=unread)
        chosen[pool] = by_room[0]
    return chosen


def _holds(ref: str, missing: int, listed: Listed) -> bool:
    """Return whether an assigned identity can hold the missing credentials, as far as is known."""
    reading = listed.get(ref)
    if isinstance(reading, Present):
        return missing <= MOST_CREDENTIALS - len(reading.value)
    return isinstance(reading, Unknown) or (reading is None and not missing)


def _rooms(listed: Listed, others: Iterable[Record]) -> dict[str, int]:
    """Return for each identity how many places are neither used nor named by another record."""
    known = {ref: found for ref, each in listed.items() if (found := present(each)) is not None}
    taken = {ref: {each.name for each in found} for ref, found in known.items()}
    for other in others:
        for promised in other.credentials:
            # A record also names credentials on identities that its environment no longer uses. Those take
            # up a place only while they exist.
            if promised.identity in taken and promised.identity in other.identities.values():
                taken[promised.identity].add(promised.name)
    return {ref: max(0, MOST_CREDENTIALS - len(names)) for ref, names in taken.items()}


def _pools(config: EnvironmentConfig) -> tuple[str, ...]:
    return tuple(dict.fromkeys(config.accounts.values()))


def _lacking(pool: str, ref: str, there: Iterable[Credential], name: Name, config: EnvironmentConfig) -> int:
    """Return how many credentials of a pool's service accounts are missing on an identity."""
    stand = {each.subject for each in there if each.identity == ref}
    wanted = {subject(name.namespace, account) for account, of in config.accounts.items() if of == pool}
    return len(wanted - stand)
