"""The plan that applies an overlay which is due: the record, what the overlay needs, and then the overlay."""

from dataclasses import replace
from datetime import datetime

from coppice.components.application import (
    TEMPLATE,
    Manifest,
    applying,
    asleep,
    holds_data,
    inventory,
    reference,
    waves,
)
from coppice.components.identity import IDENTITY
from coppice.components.identity_pools import Given
from coppice.components.namespace import ROLLING_OUT, Annotate, Applied
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.components.removal import Remove
from coppice.components.stages import PlanInput
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import WriteRecord, rendering
from coppice.lifecycle.apply_context import ApplyContext
from coppice.lifecycle.decision import Ensure
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, Wave, first_unread, wave
from provisioning import preconditions, prerequisites, pruning
from provisioning.beside import all_beside
from provisioning.explicit_defaults import outright
from provisioning.renderer import Desired


def make(
    observed: Observed,
    verdict: Ensure,
    desired: Desired,
    apply_context: ApplyContext,
    *,
    config: EnvironmentConfig,
    now: datetime,
) -> Plan:
    """Plan what applies an overlay that is due, with all that it needs.

    Args:
        observed: what was observed.
        verdict: that it is wanted, and whether it sleeps.
        desired: the overlay, built and judged.
        apply_context: what it needs to know beside.
        config: what decides about branches.
        now: the time.
    """
    missing = first_unread(*apply_context.parts)
    if missing:
        return Plan((missing,))
    record = observed.record
    plan_input = PlanInput(
        observed=observed,
        config=config,
        now=now,
        states=apply_context.components,
        objects=present(apply_context.recorded) or (),
        brought=desired.brought,
    )
    steps = [each.ensure(plan_input) for each in COMPONENTS]
    held = preconditions.barrier(observed, desired, apply_context, config, steps)
    given = present(apply_context.components.get(IDENTITY))
    if held or not isinstance(given, Given):
        return Plan((held,) if held else ())
    # What an environment is given shapes its namespace's annotations and its objects: the planner carries it.
    identities, clients = given.identities, given.clients
    with_identities = desired.with_identities(
        {account: clients[identities[pool]] for account, pool in config.accounts.items()}
    )
    stated = tuple(map(outright, with_identities.manifests))
    manifests = asleep(stated) if verdict.asleep else stated
    kept = [ref for each in COMPONENTS for ref in each.objects(config)]
    objects = tuple(sorted({*inventory((*desired.fence, *manifests)), *kept}))
    back = pruning.coming_back(observed, record, objects)
    if isinstance(back, Wait | Blocked):
        return Plan((back,))
    aside, noted = all_beside(plan_input, steps, record)
    for each in COMPONENTS:
        noted = each.noted(noted, plan_input)
    written = replace(
        noted,
        rendered=rendering(verdict.commit, config.digest),
        inventory=objects,
        pruning=pruning.left(record, objects, back),
        stall=None,
        receipt={},
    )
    applied = Applied(
        revision=verdict.commit,
        digest=config.digest,
        asked=observed.recorded.asked,
        at=now,
        result=ROLLING_OUT,
        since=now,
        url=desired.url,
        asleep=verdict.asleep,
    )
    one_more = None if record.identities else config.most
    items: tuple[Item, ...] = (
        *(wave(WriteRecord(record=written, most=one_more)) if written != record else ()),
        *prerequisites.namespace_waves(observed, identities, desired, config),
        *prerequisites.prerequisite_waves(steps),
        *pruning.going_out(back),
        *_recreated(observed, manifests, apply_context),
        *_applied(observed, desired, manifests, config),
        *wave(Annotate(name=observed.name.namespace, applied=applied)),
        *aside,
    )
    remarks = tuple(remark for each in steps for remark in each.remarks)
    return Plan(items, remarks=(*remarks, *desired.remarks, *with_identities.corrections))


def _applied(
    observed: Observed, desired: Desired, manifests: tuple[Manifest, ...], config: EnvironmentConfig
) -> tuple[Wave, ...]:
    """The fence, and then what it is to hold; side by side once the environment has stood in this fence."""
    name, namespace = observed.name.namespace, present(observed.namespace)
    if namespace and namespace.applied and namespace.applied.digest == config.digest:
        return waves(name, (*desired.fence, *manifests))
    return (*applying(name, desired.fence), *waves(name, manifests))


def _recreated(
    observed: Observed, manifests: tuple[Manifest, ...], apply_context: ApplyContext
) -> tuple[Wave, ...]:
    """A Job whose template has changed goes first, for its template is immutable. One that holds data never
    does, nor one that bears no note of ours: somebody else made it under the overlay's name.
    """
    record = observed.recorded.record
    known = set(record.inventory) if record else set()
    jobs = {reference(each): each for each in manifests if each["kind"] == "Job"}
    changed = [
        live
        for live in present(apply_context.recorded) or ()
        if live.ref in known
        and live.ref in jobs
        and live.template not in {"", jobs[live.ref]["metadata"]["annotations"][TEMPLATE]}
        and not holds_data(jobs[live.ref])
    ]
    return wave(*(Remove(subject=live) for live in changed))
