"""The additional readings that applying an overlay depends on: other environments, hosts and existing
objects.

They are read only when an overlay is due, so that an environment that is up to date does not cost these
calls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from coppice.components.application import Live, Manifest, reference
from coppice.components.observed import Observed, Readers
from coppice.components.registry import COMPONENTS
from coppice.components.slots import Slots, States
from coppice.components.stages import ApplyObservation
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import RecordSet
from coppice.reconciler.concurrency import concurrently
from coppice.reconciler.observation import Absent, Present, Reading, read


@dataclass(frozen=True, kw_only=True)
class ApplyContext:
    """The additional readings that applying an overlay depends on.

    Args:
        environments: the number of environments; `Absent` if this is one of them already.
        hosts: host → the namespace whose route claims it; `Absent` if no route is to be applied.
        recorded: the existing objects that note what they were made from: the Jobs of the overlay, and the
            objects that components keep in the environment.
        components: the state of the components.
    """

    environments: Reading[int]
    hosts: Reading[Mapping[str, str]]
    recorded: Reading[tuple[Live, ...]]
    components: States = field(default_factory=States)

    @property
    def parts(self) -> tuple[Reading[object], ...]:
        """All readings that applying the overlay depends on."""
        own = (reading for each in COMPONENTS for reading in each.needed_to_apply(self.components))
        return *own, self.environments, self.hosts, self.recorded


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """The readings that do not depend on the overlay, so that they are taken while it is rendered.

    Args:
        records: all records; `Absent` if the environment has its place and keeps its identities.
        hosts: host → the namespace whose route claims it, for a new environment; otherwise `Absent`.
        components: the state of the components that do not need the overlay.
    """

    records: Reading[RecordSet]
    hosts: Reading[Mapping[str, str]]
    components: States


def read_ahead(
    observed: Observed,
    *,
    records: Reading[RecordSet] | None,
    config: EnvironmentConfig,
    readers: Readers,
) -> Ahead:
    """Read what applying an overlay depends on, whatever is in it.

    Args:
        observed: the observation of the branch.
        records: all records, if they have been read.
        config: the settings that decide about branches.
        readers: the readers of outside systems.

    Returns:
        The readings.
    """
    one_more = not observed.record.identities
    needed = one_more or any(each.needs_records(observed, config) for each in COMPONENTS)
    nowhere: Reading[Mapping[str, str]] = Absent()
    with concurrently() as start:
        new = isinstance(observed.namespace, Absent)
        hosts = start(lambda: read(readers.application.hosts) if new else nowhere)
        if records is None:
            records = read(readers.records.all) if needed else Absent()
        observation = ApplyObservation(
            observed=observed, config=config, readers=readers, records=records, brought=Slots()
        )
        states = {
            each.state.name: start(partial(each.look_for_apply, observation))
            for each in COMPONENTS
            if not each.needs_overlay
        }
    return Ahead(
        records=records,
        hosts=hosts(),
        components=States({name: reading() for name, reading in states.items()}),
    )


def read_apply_context(
    observed: Observed,
    manifests: Iterable[Manifest],
    *,
    brought: Slots,
    claims_hosts: bool,
    ahead: Ahead,
    config: EnvironmentConfig,
    readers: Readers,
) -> ApplyContext:
    """Read what applying an overlay depends on.

    Args:
        observed: the observation of the branch.
        manifests: the objects to apply.
        brought: what the overlay contains for the components.
        claims_hosts: whether routes are to be applied, whose hosts others may have claimed.
        ahead: what `read_ahead` returned.
        config: the settings that decide about branches.
        readers: the readers of outside systems.

    Returns:
        The readings.
    """
    new = isinstance(observed.namespace, Absent)
    bearing = [reference(each) for each in manifests if each["kind"] == "Job"]
    bearing += [ref for component in COMPONENTS for ref in component.objects(config)]
    observation = ApplyObservation(
        observed=observed, config=config, readers=readers, records=ahead.records, brought=brought
    )
    nothing: Reading[tuple[Live, ...]] = Present(())
    with concurrently() as start:
        states = {
            each.state.name: start(partial(each.look_for_apply, observation))
            for each in COMPONENTS
            if each.needs_overlay
        }
        hosts = start(lambda: read(readers.application.hosts) if claims_hosts and not new else ahead.hosts)
        recorded = start(
            lambda: (
                nothing
                if new or not bearing
                else read(lambda: readers.application.live(observed.name.namespace, bearing))
            )
        )
    records = ahead.records
    counted = Present(records.value.environments) if isinstance(records, Present) else records
    return ApplyContext(
        environments=Absent() if observed.record.identities else counted,
        hosts=hosts(),
        recorded=recorded(),
        components=States(
            {**ahead.components.readings, **{name: reading() for name, reading in states.items()}}
        ),
    )
