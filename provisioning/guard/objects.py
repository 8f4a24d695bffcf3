"""Judges what kustomize built, before any of it is applied."""

from collections.abc import Iterator, Mapping, Sequence

from provisioning.guard import (
    key_vault,
    metadata,
    monitors,
    network,
    pods,
    reserved,
    routes,
    scaling,
    services,
    size,
)
from provisioning.guard.fields import Fields, Malformed, shown
from provisioning.guard.rules import Family, Rules, kind_id
from provisioning.refusal import Refusal

FAMILIES: tuple[Family, ...] = (
    metadata.refusals,
    pods.refusals,
    services.refusals,
    routes.refusals,
    key_vault.refusals,
    monitors.refusals,
    scaling.refusals,
    reserved.refusals,
    network.refusals,
)


def check_objects(objects: Sequence[Mapping[str, object]], rules: Rules) -> tuple[Refusal, ...]:
    """Hold the objects of an environment against its rules.

    Args:
        objects: all that is to be applied, of both overlays. Nothing is taken for granted about them.
        rules: what may be let through.

    Returns:
        Every reason found against them; none means that they may be applied. Only where there are too many,
        or some are no plain data, is nothing else said about them.
    """
    if refusals := size.refusals(objects):
        return refusals
    names = [_name(obj, number) for number, obj in enumerate(objects, start=1)]
    found = [
        Refusal(name, reason)
        for name, obj in zip(names, objects, strict=True)
        for family in FAMILIES
        for reason in _reasons(family, obj, rules)
    ]
    # The namespace may stand in both overlays, and neither is applied as it is.
    twice = {name for name in names if names.count(name) > 1 and not name.startswith("Namespace ")}
    return *found, *(Refusal(name, "is there more than once") for name in sorted(twice))


def _reasons(family: Family, obj: Fields, rules: Rules) -> Iterator[str]:
    try:
        yield from family(obj, rules)
    except Malformed as error:
        yield str(error)


def _name(obj: Fields, number: int) -> str:
    """`apps/Deployment web`, or its position where it has no such name."""
    holder = obj.get("metadata")
    name = holder.get("name") if isinstance(holder, dict) else None
    kind = kind_id(obj)
    if not isinstance(name, str) or not kind.isprintable() or not name.isprintable():
        return f"object {number} ({shown(kind)})"
    return f"{kind} {name}"[:320]
