"""The plan that makes an environment, or mends it. It decides and touches nothing.

The order is a promise: the overlay has been built and judged before the first write; the record stands
before the first credential, so that a crash forgets nothing; credentials stand before the pods that sign in
with them; what was applied is noted after all of it was.
"""

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
from coppice.components.database import why_taken
from coppice.components.federated_identity import missing_credentials, wanted_credentials
from coppice.components.login import login_reference
from coppice.components.namespace import ROLLING_OUT, Annotate, Applied
from coppice.components.removal import Remove
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record, Stall, WriteRecord, rendering
from coppice.lifecycle.apply_context import ApplyContext
from coppice.lifecycle.decision import Ensure
from coppice.lifecycle.drift import TO_BE_BUILT
from coppice.lifecycle.identity_pools import enough_to_make, gone_identities
from coppice.lifecycle.observe_branch import Observed
from coppice.manifests.rejection import Rejection
from coppice.reconciler.observation import Reading, Unknown, present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, Wave, unread, wave
from provisioning import monitoring_share, preconditions, prerequisites, pruning
from provisioning.explicit_defaults import outright
from provisioning.renderer import Desired
from provisioning.repair import repair_applied

_SOON = 10.0  # seconds: a namespace that goes


def plan(
    observed: Observed,
    verdict: Ensure,
    *,
    desired: Desired | Rejection | None = None,
    apply_context: ApplyContext | None = None,
    unbuilt: Wait | Blocked | None = None,
    config: EnvironmentConfig,
    now: datetime,
) -> Plan:
    """Plan what makes or mends one environment.

    Args:
        observed: what was observed.
        verdict: that it is wanted, and why its overlay is due.
        desired: the overlay, built and judged; `None` if it is not due, or if this is only a look from afar.
        apply_context: what an overlay that is due needs to know beside.
        unbuilt: why the overlay could not be fetched, if that was tried.
        config: what decides about branches.
        now: the time.

    Returns:
        The plan; empty if the environment stands as it should.
    """
    namespace, record = present(observed.namespace), observed.recorded.record
    missing = _unread(
        *(observed.records, observed.namespace, enough_to_make(observed, config)),
        *((observed.database,) if config.databases else ()),
    )
    if missing:
        return Plan((missing,))
    if namespace is not None and namespace.terminating_since:
        kept = "".join(f". {each}" for each in namespace.remaining)
        return Plan((Wait(f"{namespace} is still going{kept}", "terminating", _SOON),))
    taken = why_taken(present(observed.database), observed.key) if config.databases else ""
    if taken:
        return Plan((Blocked(taken, "not_ours"),))
    ended = _ended_hold(observed)
    to_be_built = unbuilt or Wait(f"to be built: {verdict.due}", TO_BE_BUILT, 0)
    if (not verdict.due or verdict.part_only) and namespace is not None and record is not None:
        mended = repair_applied(observed, namespace, record, config=config, now=now)
        pending = to_be_built if verdict.part_only else None
        return Plan(
            (*ended, *monitoring_share.beside(mended, observed, record, desired=desired, unbuilt=pending))
        )
    if isinstance(desired, Rejection):
        return Plan((*ended, *_refuse(observed, verdict.commit, desired, config=config, now=now)))
    if desired is None or apply_context is None:
        return Plan((*ended, to_be_built))
    made = _make(observed, verdict, desired, apply_context, config=config, now=now)
    return replace(made, items=(*ended, *made.items))


def plan_rejected(observed: Observed, stall: Stall, *, config: EnvironmentConfig, now: datetime) -> Plan:
    """Plan for an environment whose branch has moved on to an overlay that was refused: it stays as it was.

    Args:
        observed: what was observed.
        stall: the refusal.
        config: what decides about branches.
        now: the time.

    Returns:
        What it lacks, and then the refusal.
    """
    refused = Blocked(stall.why, "refused")
    namespace, record = present(observed.namespace), observed.recorded.record
    applied = namespace.applied if namespace is not None and not namespace.terminating_since else None
    if namespace is None or record is None or applied is None or _unread(enough_to_make(observed, config)):
        return Plan((refused,))
    if record.rendered != rendering(applied.revision, applied.digest):
        return Plan((refused,))
    return Plan((*repair_applied(observed, namespace, record, config=config, now=now), refused))


def _unread(*readings: Reading[object]) -> Wait | Blocked | None:
    for reading in readings:
        if isinstance(reading, Unknown):
            return unread(f"not read: {reading.error}", reading.error)
    return None


def _ended_hold(observed: Observed) -> tuple[Wave, ...]:
    """A hold that a push has ended goes, so that no later push back to its commit revives it."""
    request = observed.recorded.request
    return wave(Remove(subject=request)) if request is not None and request.action == "hold" else ()


def _asked(observed: Observed) -> str:
    request = observed.recorded.request
    return request.at if request is not None and request.action == "apply" else ""


def _refuse(
    observed: Observed, commit: str, refused: Rejection, *, config: EnvironmentConfig, now: datetime
) -> tuple[Item, ...]:
    """Remember that this commit's overlay was refused, and leave everything else as it stands."""
    stall = Stall(commit=commit, digest=config.digest, asked=_asked(observed), at=now, why=str(refused))
    record = observed.recorded.record or Record(
        key=observed.key, slug=observed.name.slug, namespace=observed.name.namespace
    )
    return (*wave(WriteRecord(record=replace(record, stall=stall))), Blocked(str(refused), "refused"))


def _make(
    observed: Observed,
    verdict: Ensure,
    desired: Desired,
    apply_context: ApplyContext,
    *,
    config: EnvironmentConfig,
    now: datetime,
) -> Plan:
    missing = _unread(*apply_context.parts)
    if missing:
        return Plan((missing,))
    record = observed.recorded.record or Record(
        key=observed.key, slug=observed.name.slug, namespace=observed.name.namespace
    )
    held = preconditions.barrier(observed, record, desired, apply_context, config)
    if held:
        return Plan((held,))
    identities = apply_context.identities
    credentials = wanted_credentials(
        observed.name, config=config, identities=identities, issuer=observed.issuer
    )
    clients = present(apply_context.clients) or {}
    pointed = desired.with_identities(
        {account: clients[identities[pool]] for account, pool in config.accounts.items()}
    )
    stated = tuple(map(outright, pointed.manifests))
    manifests = asleep(stated) if verdict.asleep else stated
    login = (login_reference(config.databases),) if config.databases else ()
    objects = tuple(sorted({*inventory((*desired.fence, *manifests)), *login}))
    back = pruning.coming_back(observed, record, objects)
    if isinstance(back, Wait | Blocked):
        return Plan((back,))
    there, lost = observed.there, gone_identities(observed)
    missing_ones = missing_credentials(credentials, there)
    trusted = prerequisites.trusted_from(record, complete=not missing_ones, config=config, now=now)
    # After a record was lost, what it named is known only because it was looked for everywhere.
    found = {each.ref for each in there if each.name.startswith(config.prefixes.credential)}
    shared = monitoring_share.part_items(observed, desired, apply_context.monitoring)
    written = replace(
        monitoring_share.noting(record, desired, shared),
        identities=identities,
        credentials=tuple(
            sorted(
                {
                    *(each for each in record.credentials if each.identity not in lost),
                    *found,
                    *(each.ref for each in credentials),
                }
            )
        ),
        rendered=rendering(verdict.commit, config.digest),
        inventory=objects,
        pruning=pruning.left(record, objects, back),
        stall=None,
        receipt={},
        database=observed.name.database if config.databases else record.database,
        trusted_from=trusted,
    )
    applied = Applied(
        revision=verdict.commit,
        digest=config.digest,
        asked=_asked(observed),
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
        *prerequisites.prerequisite_waves(observed, missing_ones, apply_context, config),
        *prerequisites.settling(trusted, config, now),
        *pruning.going_out(back),
        *_recreated(observed, manifests, apply_context),
        *_applied(observed, desired, manifests, config),
        *wave(Annotate(name=observed.name.namespace, applied=applied)),
        *shared,
    )
    moved = preconditions.moved(record, identities)
    return Plan(items, remarks=(*moved, *desired.remarks, *pointed.corrections))


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
