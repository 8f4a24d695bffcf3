"""The one decision: should this branch have an environment, and is its overlay due to be applied?

Everything else in the program only carries out what is said here, and everything here is a pure function of
what was observed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from coppice.components.monitoring.merge import lost
from coppice.components.monitoring.shared import SharedName
from coppice.components.namespace import labels
from coppice.environment.branch_filter import included
from coppice.environment.config import Rules
from coppice.environment.records import Stall, rendering
from coppice.lifecycle.identity_pools import gone_identities
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.errors import Failure
from coppice.reconciler.observation import Absent, Unknown, standing

_YOUTH = timedelta(hours=1)  # a fresh environment is not put to sleep


@dataclass(frozen=True)
class Present:
    """The branch has an environment at this commit.

    Args:
        commit: the commit.
        due: why its overlay has to be applied; empty if it stands applied.
        asleep: whether it sleeps: its overlay, with everything that runs at 0.
        routine: whether it is due by the clock alone, so that nothing was missed.
        part_only: whether all of it stands applied but for its part in the monitoring that all share.
    """

    commit: str
    due: str = ""
    asleep: bool = False
    routine: bool = False
    part_only: bool = False


@dataclass(frozen=True)
class Refused:
    """The branch should have an environment, and its overlay at this commit was refused before."""

    commit: str
    stall: Stall


@dataclass(frozen=True)
class Gone:
    """The branch has no environment, and what stands of one goes."""

    why: str


@dataclass(frozen=True)
class Leave:
    """Nothing is to be done. `unknown` is the failure, if that is because something could not be read."""

    why: str
    unknown: Failure | None = None


Verdict: TypeAlias = Present | Refused | Gone | Leave


def wanted(seen: Observed, *, rules: Rules, now: datetime) -> Verdict:
    """Decide about one branch.

    Args:
        seen: what was observed.
        rules: what decides about branches.
        now: the time.

    Returns:
        The verdict.
    """
    if isinstance(seen.head, Unknown):
        return Leave(f"the repository could not be read: {seen.head.error}", unknown=seen.head.error)
    if isinstance(seen.books, Unknown):
        return Leave(f"the books could not be read: {seen.books.error}", unknown=seen.books.error)
    if isinstance(seen.head, Absent):
        return Gone("the branch does not exist")
    commit, request = seen.head.value, seen.noted.request
    reason = included(
        seen.key.branch,
        include=rules.include,
        exclude=rules.exclude,
        default_branch=seen.default_branch or None,
    )
    if request is not None and request.action == "hold" and request.commit == commit:
        return Gone("it was deleted by hand, and the branch has not been pushed to since")
    if seen.key.branch == seen.default_branch and _has_environment(seen):
        return Gone("it is the repository's default branch now, which never has an environment")
    if reason is not None:
        return Leave(reason)
    if isinstance(seen.namespace, Unknown):
        return Leave(f"the namespace could not be read: {seen.namespace.error}", unknown=seen.namespace.error)
    stall = _standing_refusal(seen, commit, rules=rules, now=now)
    if stall is not None:
        return Refused(commit, stall)
    asleep = _asleep(seen, commit, now=now)
    due = _due(seen, commit, rules=rules)
    routine = "" if due else _routine(seen, asleep=asleep, rules=rules, now=now)
    part = "" if due or routine else _part_due(seen)
    return Present(commit, due or routine or part, asleep=asleep, routine=bool(routine), part_only=bool(part))


def _has_environment(seen: Observed) -> bool:
    """Whether anything stands of an environment of its own: its twin's bears the same names."""
    record, namespace, database = seen.noted.record, standing(seen.namespace), standing(seen.database)
    owners = (record and record.key, namespace and namespace.owner, database and database.owner)
    return seen.key in owners


def _asked(seen: Observed) -> str:
    request = seen.noted.request
    return request.at if request is not None and request.action == "apply" else ""


def _standing_refusal(seen: Observed, commit: str, *, rules: Rules, now: datetime) -> Stall | None:
    record = seen.noted.record
    stall = record.stall if record is not None and record.key == seen.key else None
    if stall is None or stall.commit != commit or stall.digest != rules.digest:
        return None
    if now - stall.at >= rules.reapply_after or _asked(seen) not in {"", stall.asked}:
        return None
    return stall


def _asleep(seen: Observed, commit: str, *, now: datetime) -> bool:
    """Whether it is to sleep. A push or a request since the night began outweighs it, and so does youth."""
    namespace = standing(seen.namespace)
    applied = namespace.applied if namespace is not None else None
    if namespace is None or applied is None:
        return False
    if isinstance(seen.asleep_since, Unknown):
        return applied.asleep
    night = standing(seen.asleep_since)
    if night is None or applied.revision != commit or _asked(seen) not in {"", applied.asked}:
        return False
    young = namespace.created is not None and now - namespace.created < _YOUTH
    woken = not applied.asleep and applied.at >= night
    asked = datetime.fromisoformat(_asked(seen)) if _asked(seen) else None
    asked_for = asked is not None and asked >= night
    return not (young or woken or asked_for)


def _due(seen: Observed, commit: str, *, rules: Rules) -> str:
    """What was missed or lost, so that the overlay has to be applied; empty if nothing was."""
    namespace, record = standing(seen.namespace), seen.noted.record
    if namespace is None or record is None or not record.identities:
        return "the environment does not stand"
    applied = namespace.applied
    if applied is None:
        return "nothing has been applied whole"
    missing = [pool for pool in rules.accounts.values() if pool not in record.identities]
    gone = sorted(gone_identities(seen).intersection(record.identities.values()))
    ours = labels(seen.name, further=rules.labels, overlay={})
    checks = {
        f"the branch is at {commit[:12]}": applied.revision != commit,
        "the settings that render it have changed": applied.digest != rules.digest,
        "applying it was cut short": record.rendered != rendering(commit, rules.digest),
        "its removal had begun": record.undone == applied.at,
        "it was asked for": _asked(seen) not in {"", applied.asked},
        "a pool of identities is new to it": bool(missing),
        f"its identity {', '.join(gone)} does not exist any more": bool(gone),
        "its database does not stand whole": _lacks_database(seen, rules),
        "labels of its namespace were changed": any(
            namespace.labels.get(label) != value
            for label, value in ours.items()
            if not label.startswith("pod-security")
        ),
    }
    return next((why for why, is_so in checks.items() if is_so), "")


def _part_due(seen: Observed) -> str:
    """Why its part in the monitoring that all share has to be looked at; no application waits for that."""
    record = seen.noted.record
    if record is not None and record.part_pending:
        return "its part in the monitoring that all share is not yet as its overlay says"
    return "its part in the monitoring that all share was lost" if lost_parts(seen) else ""


def _lacks_database(seen: Observed, rules: Rules) -> bool:
    if rules.databases is None or isinstance(seen.database, Unknown):
        return False
    database = standing(seen.database)
    return database is None or not database.finished


def lost_parts(seen: Observed) -> tuple[SharedName, ...]:
    """In which ConfigMaps of the monitoring that all share a branch's part does not stand any more.

    Args:
        seen: what was observed.

    Returns:
        Those that its record names and that were read without it.
    """
    record, shared = seen.noted.record, standing(seen.monitoring)
    if record is None or record.key != seen.key or shared is None:
        return ()
    return lost(shared, seen.key, record.monitored)


def _routine(seen: Observed, *, asleep: bool, rules: Rules, now: datetime) -> str:
    """Why the overlay has to be applied by the clock alone."""
    namespace = standing(seen.namespace)
    applied = namespace.applied if namespace is not None else None
    if applied is None:
        return ""
    if applied.asleep is not asleep:
        return "it is to sleep" if asleep else "it is to wake"
    if now - applied.at >= rules.reapply_after:
        return f"it was last applied {applied.at:%Y-%m-%d %H:%M} UTC"
    return ""
