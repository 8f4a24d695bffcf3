"""What an overlay leaves without an end gets one.

A Job that hangs would run for ever, and a pod that is never ready would hold a node that is to be drained.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import kind_id

SECONDS = 3_600
"""How long a Job may run whose overlay does not say."""

# Where a kind keeps what it says of its Jobs.
_JOBS = {
    "batch/Job": ("spec",),
    "batch/CronJob": ("spec", "jobTemplate", "spec"),
    "keda.sh/ScaledJob": ("spec", "jobTargetRef"),
}


def ended(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Give each object its end.

    Args:
        manifests: any objects, judged.

    Returns:
        The same objects. A Job's deadline may be changed while it stands, unlike its template.
    """
    return tuple(_ended(each) for each in manifests)


def _ended(manifest: Manifest) -> Manifest:
    kind = kind_id(manifest)
    if kind in _JOBS:
        return _with(manifest, (*_JOBS[kind], "activeDeadlineSeconds"), SECONDS)
    if kind == "policy/PodDisruptionBudget":
        return _with(manifest, ("spec", "unhealthyPodEvictionPolicy"), "AlwaysAllow")
    return manifest


def _with(holder: Mapping[str, Any], path: tuple[str, ...], value: object) -> Mapping[str, Any]:
    """A copy with a value at a path, where none is; the way to it has to be there."""
    field, *rest = path
    inner = holder.get(field)
    if not rest:
        return {**holder, field: value if inner is None else inner}
    return {**holder, field: _with(inner, tuple(rest), value)} if isinstance(inner, Mapping) else holder
