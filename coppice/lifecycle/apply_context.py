"""What only an overlay that is about to be applied needs to know: who else is there, and what room is left.

It is looked at when an overlay is due, so that an environment that is well costs none of it.
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
    """What only an overlay that is about to be applied needs to know.

    Args:
        environments: how many environments there are.
        hosts: host → the namespace whose route claims it.
        recorded: the objects that stand and bear a note of what they were made from: Jobs, and what the
            components keep in the environment.
        components: what stands of the components.
    """

    environments: Reading[int]
    hosts: Reading[Mapping[str, str]]
    recorded: Reading[tuple[Live, ...]]
    components: States = field(default_factory=States)

    @property
    def parts(self) -> tuple[Reading[object], ...]:
        """Every reading that an overlay depends on."""
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
    """Look at what only an overlay that is about to be applied needs to know.

    Args:
        observed: the branch.
        manifests: the objects that are about to be applied.
        brought: what the overlay brings for the components.
        config: what decides about branches.
        readers: what looks.

    Returns:
        What was seen.
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
