"""What only an overlay that is about to be applied needs to know: who else is there, and what room is left.

It is looked at when an overlay is due, so that an environment that is well costs none of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coppice.components.application import Live, Manifest, reference
from coppice.components.federated_identity import IdentityReader
from coppice.components.login import login_reference
from coppice.components.monitoring.shared import Shared
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import RecordSet
from coppice.lifecycle.identity_pools import NoRoom, assign, candidates
from coppice.lifecycle.observe_branch import NO_MONITORING, Observed, Readers, list_credentials
from coppice.reconciler.observation import Absent, Present, Reading, present, read


@dataclass(frozen=True, kw_only=True)
class ApplyContext:
    """What only an overlay that is about to be applied needs to know.

    Args:
        assigned: pool → the identity that the environment has, or is to be given; or which pool has no room.
        clients: identity → its client id, for those that are assigned.
        environments: how many environments there are.
        hosts: host → the namespace whose route claims it.
        recorded: the objects that stand and bear a note of what they were made from: Jobs, and the Secret
            of a database's login.
        monitoring: the monitoring that all share; looked at if the branch has, or is to have, a part in it.
    """

    assigned: Reading[Mapping[str, str] | NoRoom]
    clients: Reading[Mapping[str, str]]
    environments: Reading[int]
    hosts: Reading[Mapping[str, str]]
    recorded: Reading[tuple[Live, ...]]
    monitoring: Reading[Shared] = NO_MONITORING

    @property
    def parts(self) -> tuple[Reading[object], ...]:
        """Every reading that an overlay depends on: its application does without the monitoring."""
        return self.assigned, self.clients, self.environments, self.hosts, self.recorded

    @property
    def identities(self) -> Mapping[str, str]:
        """Pool → the identity that was assigned; none if there is no room."""
        assigned = present(self.assigned)
        return {} if assigned is None or isinstance(assigned, NoRoom) else assigned


def read_apply_context(
    observed: Observed,
    manifests: Iterable[Manifest],
    *,
    monitored: bool,
    config: EnvironmentConfig,
    readers: Readers,
) -> ApplyContext:
    """Look at what only an overlay that is about to be applied needs to know.

    Args:
        observed: the branch.
        manifests: the objects that are about to be applied.
        monitored: whether the branch is to have a part in the monitoring that all share.
        config: what decides about branches.
        readers: what looks.

    Returns:
        What was seen.
    """
    record, shared = observed.recorded.record, readers.monitoring
    has_part = monitored or (record is not None and bool(record.monitored))
    bearing = [reference(each) for each in manifests if each["kind"] == "Job"]
    bearing += [login_reference(config.databases)] if config.databases else []
    if isinstance(observed.namespace, Absent):
        bearing = []
    shelf = read(readers.records.all)
    assigned: Reading[Mapping[str, str] | NoRoom] = read(lambda: _assigned(observed, shelf, config, readers))
    return ApplyContext(
        assigned=assigned,
        clients=read(lambda: _clients(present(assigned), readers.identities)),
        environments=Present(shelf.value.environments) if isinstance(shelf, Present) else shelf,
        hosts=read(readers.application.hosts),
        recorded=read(lambda: readers.application.live(observed.name.namespace, bearing) if bearing else ()),
        monitoring=read(shared.read) if shared is not None and has_part else NO_MONITORING,
    )


def _assigned(
    observed: Observed, shelf: Reading[RecordSet], config: EnvironmentConfig, readers: Readers
) -> Mapping[str, str] | NoRoom:
    """What was listed to find the branch's own credentials is not listed again."""
    record, there = observed.recorded.record, observed.there
    lacking = [ref for ref in candidates(record, there, observed.name, config) if ref not in observed.listed]
    listed = {**observed.listed, **list_credentials(dict.fromkeys(lacking), readers.identities)}
    known = present(shelf)
    others = [each for each in known.records if each.namespace != observed.name.namespace] if known else []
    return assign(record, there, listed=listed, others=others, name=observed.name, config=config)


def _clients(assigned: Mapping[str, str] | NoRoom | None, reader: IdentityReader) -> Mapping[str, str]:
    refs = () if assigned is None or isinstance(assigned, NoRoom) else assigned.values()
    return {ref: reader.client_id(ref) for ref in dict.fromkeys(refs)}
