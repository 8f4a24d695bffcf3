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
from coppice.components.federated_identity import lacking, wanted_credentials
from coppice.components.login import login_reference
from coppice.components.namespace import ROLLING_OUT, Annotate, Applied
from coppice.components.removal import Remove
from coppice.environment.config import Rules
from coppice.environment.records import Record, Stall, WriteRecord, rendering
from coppice.lifecycle.apply_context import Survey
from coppice.lifecycle.decision import Present
from coppice.lifecycle.drift import TO_BE_BUILT
from coppice.lifecycle.identity_pools import enough_to_make, gone_identities
from coppice.lifecycle.observe_branch import Observed
from coppice.manifests.rejection import Refused
from coppice.reconciler.observation import Reading, Unknown, standing
from coppice.reconciler.plan import Gate, Item, Plan, Stop, Wave, unread, wave
from provisioning import monitoring_share, preconditions, prerequisites, pruning
from provisioning.explicit_defaults import outright
from provisioning.renderer import Desired
from provisioning.repair import mend

_SOON = 10.0  # seconds: a namespace that goes


def plan(
    seen: Observed,
    verdict: Present,
    *,
    desired: Desired | Refused | None = None,
    survey: Survey | None = None,
    unbuilt: Gate | Stop | None = None,
    rules: Rules,
    now: datetime,
) -> Plan:
    """Plan what makes or mends one environment.

    Args:
        seen: what was observed.
        verdict: that it is wanted, and why its overlay is due.
        desired: the overlay, built and judged; `None` if it is not due, or if this is only a look from afar.
        survey: what an overlay that is due needs to know beside.
        unbuilt: why the overlay could not be fetched, if that was tried.
        rules: what decides about branches.
        now: the time.

    Returns:
        The plan; empty if the environment stands as it should.
    """
    namespace, record = standing(seen.namespace), seen.noted.record
    missing = _unread(
        *(seen.books, seen.namespace, enough_to_make(seen, rules)),
        *((seen.database,) if rules.databases else ()),
    )
    if missing:
        return Plan((missing,))
    if namespace is not None and namespace.terminating_since:
        kept = "".join(f". {each}" for each in namespace.remaining)
        return Plan((Gate(f"{namespace} is still going{kept}", "terminating", _SOON),))
    taken = why_taken(standing(seen.database), seen.key) if rules.databases else ""
    if taken:
        return Plan((Stop(taken, "not_ours"),))
    ended = _ended_hold(seen)
    to_be_built = unbuilt or Gate(f"to be built: {verdict.due}", TO_BE_BUILT, 0)
    if (not verdict.due or verdict.part_only) and namespace is not None and record is not None:
        mended = mend(seen, namespace, record, rules=rules, now=now)
        pending = to_be_built if verdict.part_only else None
        return Plan(
            (*ended, *monitoring_share.beside(mended, seen, record, desired=desired, unbuilt=pending))
        )
    if isinstance(desired, Refused):
        return Plan((*ended, *_refuse(seen, verdict.commit, desired, rules=rules, now=now)))
    if desired is None or survey is None:
        return Plan((*ended, to_be_built))
    made = _make(seen, verdict, desired, survey, rules=rules, now=now)
    return replace(made, items=(*ended, *made.items))


def keep(seen: Observed, stall: Stall, *, rules: Rules, now: datetime) -> Plan:
    """Plan for an environment whose branch has moved on to an overlay that was refused: it stays as it was.

    Args:
        seen: what was observed.
        stall: the refusal.
        rules: what decides about branches.
        now: the time.

    Returns:
        What it lacks, and then the refusal.
    """
    refused = Stop(stall.why, "refused")
    namespace, record = standing(seen.namespace), seen.noted.record
    applied = namespace.applied if namespace is not None and not namespace.terminating_since else None
    if namespace is None or record is None or applied is None or _unread(enough_to_make(seen, rules)):
        return Plan((refused,))
    if record.rendered != rendering(applied.revision, applied.digest):
        return Plan((refused,))
    return Plan((*mend(seen, namespace, record, rules=rules, now=now), refused))


def _unread(*readings: Reading[object]) -> Gate | Stop | None:
    for reading in readings:
        if isinstance(reading, Unknown):
            return unread(f"not read: {reading.error}", reading.error)
    return None


def _ended_hold(seen: Observed) -> tuple[Wave, ...]:
    """A hold that a push has ended goes, so that no later push back to its commit revives it."""
    request = seen.noted.request
    return wave(Remove(subject=request)) if request is not None and request.action == "hold" else ()


def _asked(seen: Observed) -> str:
    request = seen.noted.request
    return request.at if request is not None and request.action == "apply" else ""


def _refuse(
    seen: Observed, commit: str, refused: Refused, *, rules: Rules, now: datetime
) -> tuple[Item, ...]:
    """Remember that this commit's overlay was refused, and leave everything else as it stands."""
    stall = Stall(commit=commit, digest=rules.digest, asked=_asked(seen), at=now, why=str(refused))
    record = seen.noted.record or Record(key=seen.key, slug=seen.name.slug, namespace=seen.name.namespace)
    return (*wave(WriteRecord(record=replace(record, stall=stall))), Stop(str(refused), "refused"))


def _make(
    seen: Observed, verdict: Present, desired: Desired, survey: Survey, *, rules: Rules, now: datetime
) -> Plan:
    missing = _unread(*survey.parts)
    if missing:
        return Plan((missing,))
    record = seen.noted.record or Record(key=seen.key, slug=seen.name.slug, namespace=seen.name.namespace)
    held = preconditions.barrier(seen, record, desired, survey, rules)
    if held:
        return Plan((held,))
    identities = survey.identities
    credentials = wanted_credentials(seen.name, rules=rules, identities=identities, issuer=seen.issuer)
    clients = standing(survey.clients) or {}
    pointed = desired.pointed(
        {account: clients[identities[pool]] for account, pool in rules.accounts.items()}
    )
    stated = tuple(map(outright, pointed.manifests))
    manifests = asleep(stated) if verdict.asleep else stated
    login = (login_reference(rules.databases),) if rules.databases else ()
    objects = tuple(sorted({*inventory((*desired.fence, *manifests)), *login}))
    back = pruning.coming_back(seen, record, objects)
    if isinstance(back, Gate | Stop):
        return Plan((back,))
    there, lost = seen.there, gone_identities(seen)
    missing_ones = lacking(credentials, there)
    trusted = prerequisites.trusted_from(record, complete=not missing_ones, rules=rules, now=now)
    # After a record was lost, what it named is known only because it was looked for everywhere.
    found = {each.ref for each in there if each.name.startswith(rules.prefixes.credential)}
    shared = monitoring_share.part_items(seen, desired, survey.monitoring)
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
        rendered=rendering(verdict.commit, rules.digest),
        inventory=objects,
        pruning=pruning.left(record, objects, back),
        stall=None,
        receipt={},
        database=seen.name.database if rules.databases else record.database,
        trusted_from=trusted,
    )
    applied = Applied(
        revision=verdict.commit,
        digest=rules.digest,
        asked=_asked(seen),
        at=now,
        result=ROLLING_OUT,
        since=now,
        url=desired.url,
        asleep=verdict.asleep,
    )
    one_more = None if record.identities else rules.most
    items: tuple[Item, ...] = (
        *(wave(WriteRecord(record=written, most=one_more)) if written != record else ()),
        *prerequisites.namespace_waves(seen, identities, desired, rules),
        *prerequisites.ground_waves(seen, missing_ones, survey, rules),
        *prerequisites.settling(trusted, rules, now),
        *pruning.going_out(back),
        *_recreated(seen, manifests, survey),
        *_applied(seen, desired, manifests, rules),
        *wave(Annotate(name=seen.name.namespace, applied=applied)),
        *shared,
    )
    moved = preconditions.moved(record, identities)
    return Plan(items, remarks=(*moved, *desired.remarks, *pointed.corrections))


def _applied(
    seen: Observed, desired: Desired, manifests: tuple[Manifest, ...], rules: Rules
) -> tuple[Wave, ...]:
    """The fence, and then what it is to hold; side by side once the environment has stood in this fence."""
    name, namespace = seen.name.namespace, standing(seen.namespace)
    if namespace and namespace.applied and namespace.applied.digest == rules.digest:
        return waves(name, (*desired.fence, *manifests))
    return (*applying(name, desired.fence), *waves(name, manifests))


def _recreated(seen: Observed, manifests: tuple[Manifest, ...], survey: Survey) -> tuple[Wave, ...]:
    """A Job whose template has changed goes first, for its template is immutable. One that holds data never
    does, nor one that bears no note of ours: somebody else made it under the overlay's name.
    """
    record = seen.noted.record
    known = set(record.inventory) if record else set()
    jobs = {reference(each): each for each in manifests if each["kind"] == "Job"}
    changed = [
        live
        for live in standing(survey.noted) or ()
        if live.ref in known
        and live.ref in jobs
        and live.template not in {"", jobs[live.ref]["metadata"]["annotations"][TEMPLATE]}
        and not holds_data(jobs[live.ref])
    ]
    return wave(*(Remove(subject=live) for live in changed))
