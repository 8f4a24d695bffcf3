"""Judges what kustomize built, before any of it is applied."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from coppice.manifests.fields import Fields, Malformed, kind_id, shown
from coppice.manifests.rejection import Refusal
from provisioning.admission import (
    disruption,
    jobs,
    key_vault,
    metadata,
    monitors,
    network,
    nodes,
    pods,
    reserved,
    routes,
    scaling,
    secrets,
    services,
    shape,
    size,
)
from provisioning.admission.policy import AdmissionPolicy, Family

FAMILIES: tuple[Family, ...] = (
    metadata.refusals,
    pods.refusals,
    nodes.refusals,
    services.refusals,
    secrets.refusals,
    routes.refusals,
    key_vault.refusals,
    monitors.refusals,
    scaling.refusals,
    jobs.refusals,
    reserved.refusals,
    network.refusals,
)
_MOST = 20  # reasons of one sort against one object; whoever mends so many has to push again


def check_objects(objects: Sequence[Mapping[str, object]], policy: AdmissionPolicy) -> tuple[Refusal, ...]:
    """Hold the objects of an environment against its rules.

    Args:
        objects: all that is to be applied, of both overlays. Nothing is taken for granted about them.
        policy: what may be let through.

    Returns:
        Every reason found against them; none means that they may be applied. Only where there are too many,
        or some are no plain data, is nothing else said about them.
    """
    if refusals := size.refusals(objects):
        return refusals
    names = [_name(obj, number) for number, obj in enumerate(objects, start=1)]
    found: list[Refusal] = []
    readable: list[Fields] = []
    for name, obj in zip(names, objects, strict=True):
        against = list(islice(shape.findings(obj), _MOST))
        sound = not any(each.verdict == "malformed" for each in against)
        readable += [obj] if sound else []
        found += [Refusal(name, str(each)) for each in against]
        found += [
            Refusal(name, reason)
            for family in (FAMILIES if sound else FAMILIES[:1])
            for reason in islice(_reasons(family, obj, policy), _MOST)
        ]
    for budget in (disruption.refusals, jobs.beyond_budget, monitors.beyond_budget):
        with suppress(Malformed):  # a schedule that cannot be read has been named above
            found += budget(readable)
    # The namespace may stand in both overlays, and neither is applied as it is.
    twice = {name for name in names if names.count(name) > 1 and not name.startswith("Namespace ")}
    return *found, *(Refusal(name, "is there more than once") for name in sorted(twice))


def _reasons(family: Family, obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    try:
        yield from family(obj, policy)
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
