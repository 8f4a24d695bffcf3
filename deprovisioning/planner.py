"""The plan that takes an environment away. It decides and touches nothing.

CronJobs stop first, so that nothing new starts in a namespace that is going; then the namespace, then
credentials and database, and the record last: whatever interrupts this, the record still says what has to be
looked for.
Absent counts as done; forbidden does not. What somebody has to mend first keeps the record, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from coppice.components.application import Suspend
from coppice.components.namespace import Namespace
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.components.removal import Remove
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record, WriteRecord
from coppice.reconciler.observation import Absent, Unknown, present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, first_unread, wave

TERMINATION_PATIENCE = timedelta(minutes=10)
_SOON = 5.0  # seconds: an empty namespace goes in about that


def plan(observed: Observed, *, config: EnvironmentConfig, now: datetime) -> Plan:
    """Plan what takes one environment away.

    Args:
        observed: what was observed.
        config: what decides about branches.
        now: the time.

    Returns:
        The plan; empty if nothing of the branch is left.
    """
    missing = first_unread(*observed.parts)
    if missing:
        return Plan((missing,))
    record, request = observed.recorded.record, observed.recorded.request
    namespace = present(observed.namespace)
    removals = {each: each.removal(observed, config) for each in COMPONENTS}
    parts = tuple(subject for each in removals.values() for subject in each.subjects)
    # A hold outlives the environment for as long as the branch lives; a branch that is gone needs none.
    obsolete = (
        wave(Remove(subject=request)) if request is not None and isinstance(observed.head, Absent) else ()
    )
    stuck = {what: why for each in removals.values() for what, why in each.stuck.items()}
    held = tuple(stuck.values())
    if namespace is None and not parts and record is None:
        return Plan((*held, *obsolete), note="nothing of this branch is left")
    written = observed.record
    for component, removal in removals.items():
        written = component.noted_found(written) if removal else written
    found = _receipt(record, namespace, (*map(str, parts), *stuck))
    # Whoever takes the removal back has to mend what it has changed by then, its CronJobs for one.
    applied = namespace.applied if namespace else None
    final = replace(written, receipt=found, undone=applied.at if applied else written.undone)
    last: tuple[Item, ...] = (
        *held,
        *(blocked for each in removals.values() for blocked in each.unreachable),
        *wave(Remove(subject=final)),
        *obsolete,
    )
    if namespace is None and not parts:
        return Plan(last)
    begun = record is not None and record.receipt.keys() >= found.keys() and record.undone == final.undone
    return Plan(
        (
            *(() if begun else wave(WriteRecord(record=final))),
            *(() if namespace is None else _empty(observed, namespace)),
            *wave(*(Remove(subject=each) for each in parts)),
            _left(*map(str, parts)) if namespace is None else _going(namespace, now),
            *last,
        )
    )


def _empty(observed: Observed, namespace: Namespace) -> tuple[Item, ...]:
    if namespace.terminating_since:
        return ()
    removal = wave(Remove(subject=namespace))
    if isinstance(observed.cron_jobs, Unknown):
        return (Wait(f"its CronJobs were not read: {observed.cron_jobs.error}", "cron_jobs", _SOON), *removal)
    suspended = wave(
        *(Suspend(namespace=namespace.name, name=job) for job in present(observed.cron_jobs) or ())
    )
    return (*suspended, *removal)


def _left(*parts: str) -> Blocked:
    """What stands after ours were deleted is someone else's, and the record waits for that person."""
    named = ", ".join(parts)
    return Blocked(f"what still stands of {named} is not ours to delete: whoever made it has to", "not_ours")


def _going(namespace: Namespace, now: datetime) -> Wait | Blocked:
    since = namespace.terminating_since
    if since is not None and now - since >= TERMINATION_PATIENCE:
        shows = f"`kubectl get namespace {namespace.name} -o yaml` shows its finalizers and conditions"
        kept = ". ".join(namespace.remaining) or f"no condition says; {shows}"
        return Blocked(
            f"{namespace} has been Terminating since {since:%H:%M:%S} UTC, and what keeps it: {kept}",
            "terminating",
        )
    return Wait(f"{namespace} is not gone yet", "terminating", _SOON)


def _receipt(record: Record | None, namespace: Namespace | None, parts: tuple[str, ...]) -> Mapping[str, str]:
    """What has become of each resource so far: `present`, `deleted`, or `absent` if it never was seen."""
    before = dict(record.receipt) if record else {}
    there = {*parts} | ({str(namespace)} if namespace else set())
    expected = {f"namespace/{record.namespace}"} if record else set()
    expected |= {each for component in COMPONENTS for each in component.expected(record)} if record else set()
    return {
        target: "standing"
        if target in there
        else ("deleted" if before.get(target) in {"standing", "deleted"} else "absent")
        for target in sorted({*before, *there, *expected})
    }
