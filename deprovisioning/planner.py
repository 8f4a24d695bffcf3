"""Plans how an environment is torn down. The planner only decides; it changes nothing.

The order is:

1. CronJobs are suspended, so that nothing new starts in a namespace that is being deleted.
2. The namespace is deleted.
3. The components' resources outside the namespace, such as credentials and the database, are deleted.
4. The record is deleted last. If the removal is interrupted, the record still names what to look for.

A resource that is `Absent` counts as removed; one that could not be read does not. A problem that somebody
has to fix first keeps the record, and delays no other removal.
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
_SOON = 5.0  # seconds: about the time that the deletion of an empty namespace takes


def plan(observed: Observed, *, config: EnvironmentConfig, now: datetime) -> Plan:
    """Plan how one environment is torn down.

    Args:
        observed: the branch.
        config: the configuration of all branch environments.
        now: the current time.

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
    # A hold stays in effect after the environment is gone, as long as the branch exists. If the branch is
    # absent, the request has no purpose any more.
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
    # If the environment is wanted again before it is gone, its overlay has to be applied again, because the
    # removal has changed it, for example by suspending CronJobs.
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
    """Return the barrier before the deletion of the record, for resources that still exist by then.

    After ours are deleted, what still exists belongs to someone else, who has to remove it.
    """
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
    return Wait(f"{namespace} is not gone yet", "terminating", _SOON, certain=True)


def _receipt(record: Record | None, namespace: Namespace | None, parts: tuple[str, ...]) -> Mapping[str, str]:
    """Return the state of each resource: `standing`, `deleted`, or `absent` if it was never observed."""
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
