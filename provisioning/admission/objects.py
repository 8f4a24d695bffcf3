"""Checks the objects that kustomize built, before any of them is applied."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from coppice.manifests.fields import Fields, Malformed, kind_id, quote
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
_MAX_REASONS = 20  # from one family against one object; further ones show after the next push


def check_objects(objects: Sequence[Mapping[str, object]], policy: AdmissionPolicy) -> tuple[Refusal, ...]:
    """Check the objects of an environment against its admission policy.

    Args:
        objects: all objects to apply, of both overlays. They may be of any shape.
        policy: what is allowed.

    Returns:
        Every reason against them; none if they may be applied. Objects that are too many, or are not plain
        data, are refused for that alone, without further checks.
    """
    if refusals := size.refusals(objects):
        return refusals
    names = [_name(obj, number) for number, obj in enumerate(objects, start=1)]
    found: list[Refusal] = []
    well_formed: list[Fields] = []
    for name, obj in zip(names, objects, strict=True):
        findings = list(islice(shape.findings(obj), _MAX_REASONS))
        is_well_formed = not any(each.verdict == "malformed" for each in findings)
        well_formed += [obj] if is_well_formed else []
        found += [Refusal(name, str(each)) for each in findings]
        found += [
            Refusal(name, reason)
            for family in (FAMILIES if is_well_formed else FAMILIES[:1])
            for reason in islice(_reasons(family, obj, policy), _MAX_REASONS)
        ]
    for budget in (disruption.refusals, jobs.budget_refusals, monitors.budget_refusals):
        with suppress(Malformed):  # `jobs.refusals` has already reported an invalid schedule
            found += budget(well_formed)
    # Both overlays may hold the Namespace, which is never applied as it is written.
    duplicates = {name for name in names if names.count(name) > 1 and not name.startswith("Namespace ")}
    return *found, *(Refusal(name, "is there more than once") for name in sorted(duplicates))


def _reasons(family: Family, obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    try:
        yield from family(obj, policy)
    except Malformed as error:
        yield str(error)


def _name(obj: Fields, number: int) -> str:
    """`apps/Deployment web`, or the object's position if it has no printable name."""
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    kind = kind_id(obj)
    if not isinstance(name, str) or not kind.isprintable() or not name.isprintable():
        return f"object {number} ({quote(kind)})"
    return f"{kind} {name}"[:320]
