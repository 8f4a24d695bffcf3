"""What has to stand before an overlay comes in: the namespace, and what components need."""

from collections.abc import Collection, Mapping

from coppice.components.namespace import (
    IDENTITY,
    LABELS,
    ApplyNamespace,
    CreateNamespace,
    Namespace,
    claim,
    labels,
)
from coppice.components.observed import Observed
from coppice.components.stages import Steps
from coppice.environment.config import EnvironmentConfig
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Item, Wave, wave
from provisioning.renderer import Desired


def namespace_waves(
    observed: Observed, identities: Mapping[str, str], desired: Desired, config: EnvironmentConfig
) -> tuple[Wave, ...]:
    """Create the namespace, or bring its labels and annotations to what they should be.

    Args:
        observed: what was observed.
        identities: pool → the identity chosen from it.
        desired: what the overlay asks for.
        config: what decides about branches.
    """
    namespace = present(observed.namespace)
    owner = namespace.owner if namespace is not None else None
    shown = labels(observed.name, further=config.labels, overlay=desired.namespace_labels)
    noted = claim((owner or observed.key).as_written, identities, shown)
    if namespace is None:
        return wave(CreateNamespace(name=observed.name.namespace, labels=shown, annotations=noted))
    shown_now = {**shown, **dict.fromkeys(_former_labels(namespace, shown))}
    noted_now = {**noted, **dict.fromkeys(_former_claims(namespace, noted))}
    if shown_now.items() <= namespace.labels.items() and noted_now.items() <= namespace.annotations.items():
        return ()
    return wave(ApplyNamespace(namespace=namespace, labels=shown_now, annotations=noted_now))


def _former_labels(namespace: Namespace, shown: Collection[str]) -> tuple[str, ...]:
    """The labels that we set and set no longer; those of others are not on our list."""
    ours = {*namespace.annotations.get(LABELS, "").split(",")} - {*shown}
    return tuple(sorted(ours & namespace.labels.keys()))


def _former_claims(namespace: Namespace, noted: Collection[str]) -> tuple[str, ...]:
    """The identities that it names and has no longer."""
    named = {each for each in namespace.annotations if each == IDENTITY or each.startswith(f"{IDENTITY}.")}
    return tuple(sorted(named - {*noted}))


def prerequisite_waves(steps: Collection[Steps]) -> tuple[Item, ...]:
    """Make what components need, side by side, then deliver what they have for the environment, and let it
    settle.

    Args:
        steps: what ensures each component.
    """
    return (
        *wave(*(change for each in steps for change in each.make)),
        *wave(*(change for each in steps for change in each.deliver)),
        *(barrier for each in steps for barrier in each.settle),
    )
