"""The plan that takes an environment away. It decides and touches nothing.

CronJobs stop first, so that nothing new starts in a namespace that is going; then the namespace, then
credentials and database, and the record last: whatever interrupts this, the record still says what has to be
looked for.
Absent counts as done; forbidden does not. What somebody has to mend first keeps the record, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from coppice.components.application import Suspend
from coppice.components.database import Database
from coppice.components.federated_identity import Credential
from coppice.components.monitoring.merge import removals
from coppice.components.monitoring.shared import SharedPart
from coppice.components.namespace import Namespace
from coppice.components.removal import Remove
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record, SharedName, WriteRecord
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import Absent, Unknown, present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, unread, wave

_Part: TypeAlias = Credential | Database | SharedPart

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
    for reading in observed.parts:
        if isinstance(reading, Unknown):
            return Plan((unread(f"not read: {reading.error}", reading.error),))
    record, request = observed.recorded.record, observed.recorded.request
    namespace = present(observed.namespace)
    shared = present(observed.monitoring)
    found_part = removals(shared, observed.key, observed.name.slug) if shared else None
    # A text that was spoilt by hand is told of when all the rest is gone: no pod runs on because of it.
    stuck, part = (found_part, None) if isinstance(found_part, Blocked) else (None, found_part)
    credentials = present(observed.credentials) or ()
    parts: tuple[_Part, ...] = (*credentials, *_database(observed, record), *((part,) if part else ()))
    # A hold outlives the environment for as long as the branch lives; a branch that is gone needs none.
    obsolete = (
        wave(Remove(subject=request)) if request is not None and isinstance(observed.head, Absent) else ()
    )
    held: tuple[Blocked, ...] = (stuck,) if stuck else ()
    if namespace is None and not parts and record is None:
        return Plan((*held, *obsolete), note="nothing of this branch is left")
    written = record or Record(key=observed.key, slug=observed.name.slug, namespace=observed.name.namespace)
    if found_part and not written.monitored:  # else the next look would not look for it
        written = replace(written, monitored=tuple(SharedName))
    found = _receipt(record, namespace, parts, stuck=f"monitoring/{written.slug}" if stuck else "")
    # Whoever takes the removal back has to mend what it has changed by then, its CronJobs for one.
    applied = namespace.applied if namespace else None
    final = replace(written, receipt=found, undone=applied.at if applied else written.undone)
    last: tuple[Item, ...] = (
        *held,
        *_out_of_reach(record, config),
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
            _left(parts) if namespace is None else _going(namespace, now),
            *last,
        )
    )


def _database(observed: Observed, record: Record | None) -> tuple[Database, ...]:
    """The database, if it is the branch's, or stands in the place of one that was."""
    database = present(observed.database)
    if database is None or (database.owner != observed.key and not (record and record.database)):
        return ()
    return (database,)


def _out_of_reach(record: Record | None, config: EnvironmentConfig) -> tuple[Blocked, ...]:
    if record is None or not record.database or config.databases is not None:
        return ()
    why = f"database {record.database} was made for it, and POSTGRES_SERVER_URL is not set: set it again"
    return (
        Blocked(
            f"{why}, or drop the database and delete ConfigMap coppice-system/record-{record.namespace}",
            "not_set_up",
        ),
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


def _left(parts: tuple[_Part, ...]) -> Blocked:
    """What stands after ours were deleted is someone else's, and the record waits for that person."""
    named = ", ".join(map(str, parts))
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


def _receipt(
    record: Record | None, namespace: Namespace | None, parts: tuple[_Part, ...], *, stuck: str
) -> Mapping[str, str]:
    """What has become of each resource so far: `present`, `deleted`, or `absent` if it never was seen."""
    before = dict(record.receipt) if record else {}
    there = {str(each) for each in parts} | ({str(namespace)} if namespace else set()) | ({stuck} - {""})
    expected = {f"namespace/{record.namespace}"} if record else set()
    expected |= {f"credential/{ref.identity}/{ref.name}" for ref in record.credentials} if record else set()
    expected |= {f"database/{record.database}"} if record and record.database else set()
    expected |= {f"monitoring/{record.slug}"} if record and record.monitored else set()
    return {
        target: "standing"
        if target in there
        else ("deleted" if before.get(target) in {"standing", "deleted"} else "absent")
        for target in sorted({*before, *there, *expected})
    }
