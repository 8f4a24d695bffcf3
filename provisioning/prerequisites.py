"""Plans what must exist before an overlay is applied: the namespace, and what components require."""

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
from coppice.environment.config import EnvironmentConfig
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Wave, wave
from provisioning.renderer import Desired


def namespace_waves(
    observed: Observed, identities: Mapping[str, str], desired: Desired, config: EnvironmentConfig
) -> tuple[Wave, ...]:
    """Plan to create the namespace, or to update its labels and annotations.

    Args:
        observed: the branch.
        identities: pool → the assigned identity.
        desired: the overlay.
        config: the configuration of all branch environments.

    Returns:
        One wave; none if the namespace is in its desired state.
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
    """Return the labels that Coppice has set and no longer sets.

    An annotation lists the labels that Coppice has set, so that labels of others are left alone.
    """
    ours = {*namespace.annotations.get(LABELS, "").split(",")} - {*shown}
    return tuple(sorted(ours & namespace.labels.keys()))


def _former_claims(namespace: Namespace, noted: Collection[str]) -> tuple[str, ...]:
    """Return the annotations that name an identity which the environment no longer has."""
    named = {each for each in namespace.annotations if each == IDENTITY or each.startswith(f"{IDENTITY}.")}
    return tuple(sorted(named - {*noted}))
