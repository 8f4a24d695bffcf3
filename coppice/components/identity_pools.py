"""Which identity of each pool an environment is given.

A place that another environment's record names is taken, whether its credential stands by now or not: so
those that come at the same time spread over the pool, and do not all run for the same last place.
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
    """No identity of a pool has room.

    Args:
        pool: the pool.
        need: how many places an environment needs.
        rooms: identity → how many places it has left.
        gone: identities that do not exist.
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
    """What an environment is given.

    Args:
        identities: pool → identity.
        clients: identity → its client id.
    """

    identities: Mapping[str, str]
    clients: Mapping[str, str]


Assignment: TypeAlias = Given | NoRoom


def enough_to_make(observed: Observed, config: EnvironmentConfig) -> Reading[tuple[Credential, ...]]:
    """The credentials, as far as making or mending the environment has to know them: those on its own
    identities. Before it has any, an identity of each pool will do. A removal has to know of all.

    Args:
        observed: the branch.
        config: what decides about branches.
    """
    record = observed.recorded.record
    own = [frozenset({ref}) for ref in record.identities.values()] if record else []
    choices = own or [frozenset(config.pools[pool]) for pool in config.accounts.values()]
    known = {ref for ref, each in observed.listed.items() if not isinstance(each, Unknown)}
    return (
        Present(observed.there) if all(known.intersection(each) for each in choices) else observed.credentials
    )


def gone_identities(observed: Observed) -> frozenset[str]:
    """The identities that were looked for and do not exist (any more)."""
    return frozenset(ref for ref, each in observed.listed.items() if isinstance(each, Absent))


def given(observation: ApplyObservation) -> Assignment:
    """Choose what an environment is given.

    Args:
        observation: the branch, and what reads identities.
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


def candidates(
    record: Record | None, there: Collection[Credential], name: Name, config: EnvironmentConfig
) -> Iterator[str]:
    """The identities whose credentials have to be known before one of each pool is chosen.

    Args:
        record: the environment's record.
        there: the credentials that stand about its namespace.
        name: its names.
        config: what decides about branches.
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
    """Choose an identity of each pool: the one on record, if it exists and can hold what it has to; else one
    that holds a credential of ours already, for records get lost; else the one with the most room, and of
    several one that differs from branch to branch, for many come at the same time. One that is gone has no
    room, however empty it looks, and of one that was not read nobody knows.

    Args:
        record: the environment's record.
        there: the credentials that stand about its namespace.
        listed: identity → every credential of it, for all `candidates`.
        others: the records of the other environments.
        name: its names.
        config: what decides about branches.

    Returns:
        Pool → identity; or which pool has no room.
    """
    noted, rooms = dict(record.identities) if record else {}, _rooms(listed, others)
    holding = {each.identity for each in there}
    chosen: dict[str, str] = {}
    for pool in _pools(config):
        own = noted.get(pool)
        # More may have been promised than there is. Whoever comes first is served, or all would wait for all.
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
    """Whether an identity that an environment has can hold what it lacks, as far as anybody knows."""
    reading = listed.get(ref)
    if isinstance(reading, Present):
        return missing <= MOST_CREDENTIALS - len(reading.value)
    return isinstance(reading, Unknown) or (reading is None and not missing)


def _rooms(listed: Listed, others: Iterable[Record]) -> dict[str, int]:
    """How many places each identity has that nobody holds and nobody was promised."""
    known = {ref: found for ref, each in listed.items() if (found := present(each)) is not None}
    taken = {ref: {each.name for each in found} for ref, found in known.items()}
    for other in others:
        for promised in other.credentials:
            # What a record has left for another identity stands there until it is deleted, and no longer.
            if promised.identity in taken and promised.identity in other.identities.values():
                taken[promised.identity].add(promised.name)
    return {ref: max(0, MOST_CREDENTIALS - len(names)) for ref, names in taken.items()}


def _pools(config: EnvironmentConfig) -> tuple[str, ...]:
    return tuple(dict.fromkeys(config.accounts.values()))


def _lacking(pool: str, ref: str, there: Iterable[Credential], name: Name, config: EnvironmentConfig) -> int:
    """How many credentials of a pool's accounts do not stand on an identity."""
    stand = {each.subject for each in there if each.identity == ref}
    wanted = {subject(name.namespace, account) for account, of in config.accounts.items() if of == pool}
    return len(wanted - stand)
