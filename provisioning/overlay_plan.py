"""Plans how a due overlay is applied: first the record, then the prerequisites, then the overlay."""

from dataclasses import replace
from datetime import datetime

from coppice.components.application import (
    TEMPLATE,
    Manifest,
    asleep,
    holds_data,
    inventory,
    reference,
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
from provisioning.application_waves import applied_waves
from provisioning.beside import all_beside
from provisioning.explicit_defaults import outright
from provisioning.renderer import Desired
from provisioning.unchanged import applied_digests, changed, digest_of, digests_of, whole_at


def make(
    observed: Observed,
    verdict: Ensure,
    desired: Desired,
    apply_context: ApplyContext,
    *,
    config: EnvironmentConfig,
    now: datetime,
) -> Plan:
    """Plan how a due overlay is applied, with everything that it depends on.

    Args:
        observed: the branch.
        verdict: the decision that the environment is wanted, and whether it is to sleep.
        desired: the overlay, built and admitted.
        apply_context: what applying the overlay depends on besides.
        config: the configuration of all branch environments.
        now: the current time.

    Returns:
        The plan. It holds only a barrier if something was not read, if the environment needs something that
        others hold, or if it is not known whether an object of the overlay is still being deleted.
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
    # The assigned identities appear in the namespace's annotations and in the overlay's objects. So this is
    # the one component whose state the planner reads itself.
    identities, clients = given.identities, given.clients
    with_identities = desired.with_identities(
        {account: clients[identities[pool]] for account, pool in config.accounts.items()}
    )
    stated = tuple(map(outright, with_identities.manifests))
    manifests = asleep(stated) if verdict.asleep else stated
    kept = [ref for each in COMPONENTS for ref in each.objects(config)]
    objects = tuple(sorted({*inventory((*desired.fence, *manifests)), *kept}))
    known, digests = (
        applied_digests(observed, config=config, now=now),
        digests_of((*desired.fence, *manifests)),
    )
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
        digests=digests,
        whole_at=record.whole_at if known else whole_at(observed, now),
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
        objects=digest_of(digests),
    )
    one_more = None if record.identities else config.most
    items: tuple[Item, ...] = (
        *(wave(WriteRecord(record=written, most=one_more)) if written != record else ()),
        *prerequisites.namespace_waves(observed, identities, desired, config),
        *applied_waves(
            observed.name.namespace,
            steps,
            fence=changed(desired.fence, known),
            manifests=changed(manifests, known),
            first=(*pruning.going_out(back), *_recreated(observed, manifests, apply_context)),
            fenced=_fenced(observed, config),
        ),
        *wave(Annotate(name=observed.name.namespace, applied=applied)),
        *aside,
    )
    remarks = tuple(remark for each in steps for remark in each.remarks)
    return Plan(items, remarks=(*remarks, *desired.remarks, *with_identities.corrections))


def _fenced(observed: Observed, config: EnvironmentConfig) -> bool:
    """Return whether the fence exists as the settings describe it, because all of it was applied before."""
    namespace = present(observed.namespace)
    return bool(namespace and namespace.applied and namespace.applied.digest == config.digest)


def _recreated(
    observed: Observed, manifests: tuple[Manifest, ...], apply_context: ApplyContext
) -> tuple[Wave, ...]:
    """Return the removal of Jobs whose template has changed, because a Job's template is immutable.

    A Job that holds data is never removed. A Job without our annotation is not removed either, because
    somebody else created it under the same name.
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
