"""What only an overlay that is about to be applied needs to know: who else is there, and what room is left.

It is looked at when an overlay is due, so that an environment that is well costs none of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from branches.application import Live, Manifest, reference
from branches.books import Shelf
from branches.database import login_reference
from branches.identity import Identity
from branches.monitoring.shared import Shared
from branches.observe import NO_MONITORING, Observed, Readers
from branches.rules import Rules
from loop.reading import Absent, Reading, read, standing


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What only an overlay that is about to be applied needs to know.

    Args:
        identities: the identities that the environment has, or may be given.
        environments: how many environments there are.
        hosts: host → the namespace whose route claims it.
        noted: those objects that stand, of the ones that bear a note of what they were made from: Jobs, and
            the Secret of a database's login.
        monitoring: the monitoring that all share; looked at if the branch has, or is to have, a part in it.
    """

    identities: Reading[tuple[Identity, ...]]
    environments: Reading[int]
    hosts: Reading[Mapping[str, str]]
    noted: Reading[tuple[Live, ...]]
    monitoring: Reading[Shared] = NO_MONITORING


def survey(
    seen: Observed, manifests: Iterable[Manifest], *, monitored: bool, rules: Rules, readers: Readers
) -> Survey:
    """Look at what only an overlay that is about to be applied needs to know.

    Args:
        seen: the branch.
        manifests: the objects that are about to be applied.
        monitored: whether the branch is to have a part in the monitoring that all share.
        rules: what decides about branches.
        readers: what looks.

    Returns:
        What was seen.
    """
    record, shared = seen.noted.record, readers.monitoring
    has_part = monitored or (record is not None and record.monitored)
    chosen = dict(record.identities) if record else {}
    holding = {each.identity for each in standing(seen.credentials) or ()}
    lacking = {pool for pool in rules.accounts.values() if chosen.get(pool) not in holding}
    candidates = [ref for pool in sorted(lacking) for ref in rules.pools.get(pool, ())]
    refs = dict.fromkeys([*chosen.values(), *candidates])
    bearing = [reference(each) for each in manifests if each["kind"] == "Job"]
    bearing += [login_reference(rules.databases)] if rules.databases else []
    if isinstance(seen.namespace, Absent):
        bearing = []
    return Survey(
        identities=read(lambda: tuple(readers.identities.identity(ref) for ref in refs)),
        environments=read(lambda: _environments(readers.books.all())),
        hosts=read(readers.application.hosts),
        noted=read(lambda: readers.application.live(seen.name.namespace, bearing) if bearing else ()),
        monitoring=read(shared.read) if shared is not None and has_part else NO_MONITORING,
    )


def _environments(shelf: Shelf) -> int:
    """How many environments there are; a record that cannot be read may well be one's."""
    return sum(1 for each in shelf.records if each.identities) + len(shelf.spoilt)
