"""The additional readings that applying an overlay depends on: other environments, hosts and existing
objects.

They are read only when an overlay is due, so that an environment that is up to date does not cost these
calls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from coppice.components.application import Live, Manifest, reference
from coppice.components.observed import Observed, Readers
from coppice.components.registry import COMPONENTS
from coppice.components.slots import Slots, States
from coppice.components.stages import ApplyObservation
from coppice.environment.config import EnvironmentConfig
from coppice.reconciler.observation import Absent, Present, Reading, read


@dataclass(frozen=True, kw_only=True)
class ApplyContext:
    """The additional readings that applying an overlay depends on.

    Args:
        environments: the number of environments.
        hosts: host → the namespace whose route claims it.
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


def read_apply_context(
    observed: Observed,
    manifests: Iterable[Manifest],
    *,
    brought: Slots,
    config: EnvironmentConfig,
    readers: Readers,
) -> ApplyContext:
    """Read what applying an overlay depends on.

    Args:
        observed: the observation of the branch.
        manifests: the objects to apply.
        brought: what the overlay contains for the components.
        config: the settings that decide about branches.
        readers: the readers of outside systems.

    Returns:
        The readings.
    """
    bearing = [reference(each) for each in manifests if each["kind"] == "Job"]
    bearing += [ref for component in COMPONENTS for ref in component.objects(config)]
    if isinstance(observed.namespace, Absent):
        bearing = []
    shelf = read(readers.records.all)
    observation = ApplyObservation(
        observed=observed, config=config, readers=readers, records=shelf, brought=brought
    )
    stand = {each.state.name: each.look_for_apply(observation) for each in COMPONENTS}
    return ApplyContext(
        environments=Present(shelf.value.environments) if isinstance(shelf, Present) else shelf,
        hosts=read(readers.application.hosts),
        recorded=read(lambda: readers.application.live(observed.name.namespace, bearing) if bearing else ()),
        components=States(stand),
    )
