"""What scales uses the environment's own sign-ins, never those that administrators keep for KEDA."""

from collections.abc import Iterator

from provisioning.guard.fields import Fields, mapping, mappings, shown, string
from provisioning.guard.rules import Rules, kind_id

_SCALERS = frozenset({"autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledJob", "keda.sh/ScaledObject"})


def refusals(obj: Fields, _rules: Rules) -> Iterator[str]:
    """What stands against a HorizontalPodAutoscaler, ScaledObject or ScaledJob."""
    if kind_id(obj) not in _SCALERS:
        return
    target = mapping(obj, "spec", "scaleTargetRef")
    if kind_id(obj) != "keda.sh/ScaledJob" and not string(target, "name"):
        yield "its scaleTargetRef names nothing"
    string(target, "kind")
    for trigger in mappings(mapping(obj, "spec"), "triggers"):
        kind = string(mapping(trigger, "authenticationRef"), "kind")
        if kind not in {"", "TriggerAuthentication"}:
            yield f"its trigger signs in by a {shown(kind)}, which is the whole cluster's"
