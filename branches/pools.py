"""Which identity of each pool an environment is given.

A place that another environment's record names is taken, whether its credential stands by now or not: so
those that come at the same time spread over the pool, and do not all run for the same last place.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

from branches.books import Record
from branches.identity import MOST_CREDENTIALS, Credential
from branches.naming import Name, subject
from branches.rules import Rules


@dataclass(frozen=True, kw_only=True)
class NoRoom:
    """No identity of a pool has room.

    Args:
        pool: the pool.
        need: how many places an environment needs.
        rooms: identity → how many places it has left.
    """

    pool: str
    need: int
    rooms: Mapping[str, int]

    def __str__(self) -> str:
        named = f"pool {self.pool!r}" if self.pool else "WORKLOAD_IDENTITIES"
        rooms = ", ".join(f"{ref} {room}" for ref, room in self.rooms.items())
        return f"no identity of {named} has room for {self.need} more credentials ({rooms})"


def candidates(
    record: Record | None, there: Collection[Credential], name: Name, rules: Rules
) -> Iterator[str]:
    """The identities whose credentials have to be known before one of each pool is chosen.

    Args:
        record: the environment's record.
        there: the credentials that stand about its namespace.
        name: its names.
        rules: what decides about branches.
    """
    noted = dict(record.identities) if record else {}
    for pool in _pools(rules):
        chosen = noted.get(pool)
        if chosen is not None:
            yield chosen
        if chosen is None or _lacking(pool, chosen, there, name, rules):
            yield from rules.pools[pool]


def assign(
    record: Record | None,
    there: Collection[Credential],
    *,
    listed: Mapping[str, Collection[Credential]],
    others: Iterable[Record],
    name: Name,
    rules: Rules,
) -> Mapping[str, str] | NoRoom:
    """Choose an identity of each pool: the one on record, if it can hold what it has to; else one that holds
    a credential of ours already, for records get lost; else the one with the most room, and of several one
    that differs from branch to branch, for many come at the same time.

    Args:
        record: the environment's record.
        there: the credentials that stand about its namespace.
        listed: identity → every credential of it, for all `candidates`.
        others: the records of the other environments.
        name: its names.
        rules: what decides about branches.

    Returns:
        Pool → identity; or which pool has no room.
    """
    noted, rooms = dict(record.identities) if record else {}, _rooms(listed, others)
    holding = {each.identity for each in there}
    chosen: dict[str, str] = {}
    for pool in _pools(rules):
        own = noted.get(pool)
        # More may have been promised than there is. Whoever comes first is served, or all would wait for all.
        free = MOST_CREDENTIALS - len(listed[own]) if own is not None and own in listed else 0
        if own is not None and _lacking(pool, own, there, name, rules) <= free:
            chosen[pool] = own
            continue
        known = {ref: rooms[ref] for ref in rules.pools[pool] if ref in rooms}
        by_room = sorted(
            (ref for ref in known if _lacking(pool, ref, there, name, rules) <= known[ref]),
            key=lambda ref: (ref not in holding, -rooms[ref], crc32(f"{name.namespace} {ref}".encode())),
        )
        if not by_room:
            most = sum(1 for each in rules.accounts.values() if each == pool)
            return NoRoom(pool=pool, need=most, rooms=known)
        chosen[pool] = by_room[0]
    return chosen


def _rooms(listed: Mapping[str, Iterable[Credential]], others: Iterable[Record]) -> dict[str, int]:
    """How many places each identity has that nobody holds and nobody was promised."""
    taken = {ref: {each.name for each in found} for ref, found in listed.items()}
    for other in others:
        for promised in other.credentials:
            # What a record has left for another identity stands there until it is deleted, and no longer.
            if promised.identity in taken and promised.identity in other.identities.values():
                taken[promised.identity].add(promised.name)
    return {ref: max(0, MOST_CREDENTIALS - len(names)) for ref, names in taken.items()}


def _pools(rules: Rules) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rules.accounts.values()))


def _lacking(pool: str, ref: str, there: Iterable[Credential], name: Name, rules: Rules) -> int:
    """How many credentials of a pool's accounts do not stand on an identity."""
    stand = {each.subject for each in there if each.identity == ref}
    wanted = {subject(name.namespace, account) for account, of in rules.accounts.items() if of == pool}
    return len(wanted - stand)
