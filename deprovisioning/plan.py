"""The plan that takes an environment away. It decides and touches nothing.

CronJobs stop first, so that nothing new starts in a namespace that is going; then the namespace, then the
credentials, and the record last: whatever interrupts this, the record still says what has to be looked for.
Absent counts as done; forbidden does not.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from branches.application import Suspend
from branches.books import Record, WriteRecord
from branches.identity import Credential
from branches.namespace import Namespace
from branches.observe import Observed
from branches.removal import Remove
from loop.plan import Gate, Item, Plan, Stop, unread, wave
from loop.reading import Absent, Unknown, standing

TERMINATION_PATIENCE = timedelta(minutes=10)
_SOON = 5.0  # seconds: an empty namespace goes in about that


def plan(seen: Observed, *, now: datetime) -> Plan:
    """Plan what takes one environment away.

    Args:
        seen: what was observed.
        now: the time.

    Returns:
        The plan; empty if nothing of the branch is left.
    """
    for reading in (seen.namespace, seen.credentials):
        if isinstance(reading, Unknown):
            return Plan((unread(f"not read: {reading.error}", reading.error),))
    namespace, credentials = standing(seen.namespace), standing(seen.credentials) or ()
    record, request = seen.noted.record, seen.noted.request
    # A hold outlives the environment for as long as the branch lives; a branch that is gone needs none.
    obsolete = wave(Remove(subject=request)) if request is not None and isinstance(seen.head, Absent) else ()
    if namespace is None and not credentials and record is None:
        return Plan(obsolete, note="nothing of this branch is left")
    found = _receipt(record, namespace, credentials)
    written = record or Record(key=seen.key, slug=seen.name.slug, namespace=seen.name.namespace)
    final = replace(written, receipt=found)
    last = (*wave(Remove(subject=final)), *obsolete)
    if namespace is None and not credentials:
        return Plan(last)
    begun = record is not None and record.receipt.keys() >= found.keys()
    return Plan(
        (
            *(() if begun else wave(WriteRecord(record=final))),
            *(() if namespace is None else _empty(seen, namespace)),
            *wave(*(Remove(subject=each) for each in credentials)),
            _left(credentials) if namespace is None else _going(namespace, now),
            *last,
        )
    )


def _empty(seen: Observed, namespace: Namespace) -> tuple[Item, ...]:
    if namespace.terminating_since:
        return ()
    removal = wave(Remove(subject=namespace))
    if isinstance(seen.cron_jobs, Unknown):
        return (Gate(f"its CronJobs were not read: {seen.cron_jobs.error}", "cron_jobs", _SOON), *removal)
    suspended = wave(*(Suspend(namespace=namespace.name, name=job) for job in standing(seen.cron_jobs) or ()))
    return (*suspended, *removal)


def _left(credentials: tuple[Credential, ...]) -> Stop:
    """What stands after ours were deleted is someone else's, and the record waits for that person."""
    named = ", ".join(map(str, credentials))
    return Stop(
        f"what still stands then of {named}: not ours to delete, so whoever made it has to", "not_ours"
    )


def _going(namespace: Namespace, now: datetime) -> Gate | Stop:
    since = namespace.terminating_since
    if since is not None and now - since >= TERMINATION_PATIENCE:
        kept = "; ".join(namespace.remaining) or "the API server does not say by what"
        return Stop(
            f"{namespace} has been Terminating since {since:%H:%M:%S} UTC, kept by: {kept}", "terminating"
        )
    return Gate(f"{namespace} is not gone yet", "terminating", _SOON)


def _receipt(
    record: Record | None, namespace: Namespace | None, credentials: tuple[Credential, ...]
) -> Mapping[str, str]:
    """What has become of each resource so far: `standing`, `deleted`, or `absent` if it never was seen."""
    before = dict(record.receipt) if record else {}
    there = {str(each) for each in credentials} | ({str(namespace)} if namespace else set())
    expected = {f"namespace/{record.namespace}"} if record else set()
    expected |= {f"credential/{ref.identity}/{ref.name}" for ref in record.credentials} if record else set()
    return {
        target: "standing"
        if target in there
        else ("deleted" if before.get(target) in {"standing", "deleted"} else "absent")
        for target in sorted({*before, *there, *expected})
    }
