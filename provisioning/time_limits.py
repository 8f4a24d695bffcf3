"""Limits how long Jobs run and how long a pod that is not ready can hold its node.

Without a deadline, a Job that hangs runs for ever. Without `AlwaysAllow`, a PodDisruptionBudget lets pods
that never become ready block the drain of their node.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import kind_id
from provisioning.admission.jobs import JOB_SPEC_PATHS

JOB_DEADLINE_SECONDS = 3_600
"""The `activeDeadlineSeconds` of a Job whose overlay does not set it."""


def with_time_limits(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Set the time limits that an overlay leaves open.

    Args:
        manifests: objects that `check_objects` has not refused.

    Returns:
        The objects with their limits. The deadline of an existing Job can be changed, unlike its template.
    """
    return tuple(_with_time_limit(each) for each in manifests)


def _with_time_limit(manifest: Manifest) -> Manifest:
    kind = kind_id(manifest)
    if kind in JOB_SPEC_PATHS:
        path = (*JOB_SPEC_PATHS[kind], "activeDeadlineSeconds")
        return _with_default(manifest, path, JOB_DEADLINE_SECONDS)
    if kind == "policy/PodDisruptionBudget":
        return _with_default(manifest, ("spec", "unhealthyPodEvictionPolicy"), "AlwaysAllow")
    return manifest


def _with_default(holder: Mapping[str, Any], path: tuple[str, ...], value: object) -> Mapping[str, Any]:
    """A copy with a value set at a path if it has none there; unchanged if the map around it is absent."""
    field, *rest = path
    inner = holder.get(field)
    if not rest:
        return {**holder, field: value if inner is None else inner}
    if not isinstance(inner, Mapping):
        return holder
    return {**holder, field: _with_default(inner, tuple(rest), value)}
