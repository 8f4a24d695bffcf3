"""The one decision: should this branch have an environment, and is its overlay due to be applied?

Everything else in the program only carries out what is said here, and everything here is a pure function of
what was observed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from coppice.components.namespace import labels
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.environment.branch_filter import included
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Stall, rendering
from coppice.reconciler.errors import Failure
from coppice.reconciler.observation import Absent, Unknown, present
from coppice.reconciler.times import parse_time

_MIN_AGE_FOR_SLEEP = timedelta(hours=1)  # a fresh environment is not put to sleep


@dataclass(frozen=True)
class Ensure:
    """The branch has an environment at this commit.

    Args:
        commit: the commit.
        due: why its overlay has to be applied; empty if it stands applied.
        asleep: whether it sleeps: its overlay, with everything that runs at 0.
        routine: whether it is due by the clock alone, so that nothing was missed.
        part_only: whether all of it stands applied but for a part beside the application.
    """

    commit: str
    due: str = ""
    asleep: bool = False
    routine: bool = False
    part_only: bool = False


@dataclass(frozen=True)
class Rejected:
    """The branch should have an environment, and its overlay at this commit was refused before."""

    commit: str
    stall: Stall


@dataclass(frozen=True)
class TearDown:
    """The branch has no environment, and what stands of one goes."""

    why: str


@dataclass(frozen=True)
class Skip:
    """Nothing is to be done. `unknown` is the failure, if that is because something could not be read."""

    why: str
    unknown: Failure | None = None


Verdict: TypeAlias = Ensure | Rejected | TearDown | Skip


def decide(observed: Observed, *, config: EnvironmentConfig, now: datetime) -> Verdict:
    """Decide about one branch.

    Args:
        observed: what was observed.
        config: what decides about branches.
        now: the time.

    Returns:
        The verdict.
    """
    if isinstance(observed.head, Unknown):
        return Skip(f"the repository could not be read: {observed.head.error}", unknown=observed.head.error)
    if isinstance(observed.records, Unknown):
        return Skip(f"the books could not be read: {observed.records.error}", unknown=observed.records.error)
    if isinstance(observed.head, Absent):
        return TearDown("the branch does not exist")
    commit, request = observed.head.value, observed.recorded.request
    reason = included(
        observed.key.branch,
        include=config.include,
        exclude=config.exclude,
        default_branch=observed.default_branch or None,
    )
    if request is not None and request.action == "hold" and request.commit == commit:
        return TearDown("it was deleted by hand, and the branch has not been pushed to since")
    if observed.key.branch == observed.default_branch and _has_environment(observed):
        return TearDown("it is the repository's default branch now, which never has an environment")
    if reason is not None:
        return Skip(reason)
    if isinstance(observed.namespace, Unknown):
        return Skip(
            f"the namespace could not be read: {observed.namespace.error}", unknown=observed.namespace.error
        )
    stall = _standing_refusal(observed, commit, config=config, now=now)
    if stall is not None:
        return Rejected(commit, stall)
    asleep = _asleep(observed, commit, now=now)
    due = _due(observed, commit, config=config)
    routine = "" if due else _routine(observed, asleep=asleep, config=config, now=now)
    part = "" if due or routine else _part_due(observed)
    return Ensure(commit, due or routine or part, asleep=asleep, routine=bool(routine), part_only=bool(part))


def _has_environment(observed: Observed) -> bool:
    """Whether anything stands of an environment of its own: its twin's bears the same names."""
    record, namespace = observed.recorded.record, present(observed.namespace)
    owners = (record and record.key, namespace and namespace.owner)
    return observed.key in (*owners, *(key for each in COMPONENTS for key in each.owners(observed)))


def _standing_refusal(
    observed: Observed, commit: str, *, config: EnvironmentConfig, now: datetime
) -> Stall | None:
    record = observed.own_record
    stall = record.stall if record is not None else None
    if stall is None or stall.commit != commit or stall.digest != config.digest:
        return None
    if now - stall.at >= config.reapply_after or observed.recorded.asked not in {"", stall.asked}:
        return None
    return stall


def _asleep(observed: Observed, commit: str, *, now: datetime) -> bool:
    """Whether it is to sleep. A push or a request since the night began outweighs it, and so does youth."""
    namespace = present(observed.namespace)
    applied = namespace.applied if namespace is not None else None
    if namespace is None or applied is None:
        return False
    if isinstance(observed.asleep_since, Unknown):
        return applied.asleep
    night = present(observed.asleep_since)
    if night is None or applied.revision != commit or observed.recorded.asked not in {"", applied.asked}:
        return False
    young = namespace.created is not None and now - namespace.created < _MIN_AGE_FOR_SLEEP
    woken = not applied.asleep and applied.at >= night
    asked = parse_time(observed.recorded.asked) if observed.recorded.asked else None
    asked_for = asked is not None and asked >= night
    return not (young or woken or asked_for)


def _due(observed: Observed, commit: str, *, config: EnvironmentConfig) -> str:
    """What was missed or lost, so that the overlay has to be applied; empty if nothing was."""
    namespace, record = present(observed.namespace), observed.recorded.record
    if namespace is None or record is None or not record.identities:
        return "the environment does not stand"
    applied = namespace.applied
    if applied is None:
        return "nothing has been applied whole"
    ours = labels(observed.name, further=config.labels, overlay={})
    checks = {
        f"the branch is at {commit[:12]}": applied.revision != commit,
        "the settings that render it have changed": applied.digest != config.digest,
        "applying it was cut short": record.rendered != rendering(commit, config.digest),
        "its removal had begun": record.undone == applied.at,
        "it was asked for": observed.recorded.asked not in {"", applied.asked},
        **{why: True for each in COMPONENTS if (why := each.why_due(observed, config))},
        "labels of its namespace were changed": any(
            namespace.labels.get(label) != value
            for label, value in ours.items()
            if not label.startswith("pod-security")
        ),
    }
    return next((why for why, is_so in checks.items() if is_so), "")


def _part_due(observed: Observed) -> str:
    """Why a part has to be looked at that stands beside the application; no application waits for that."""
    return next((why for each in COMPONENTS if (why := each.why_due_beside(observed))), "")


def _routine(observed: Observed, *, asleep: bool, config: EnvironmentConfig, now: datetime) -> str:
    """Why the overlay has to be applied by the clock alone."""
    namespace = present(observed.namespace)
    applied = namespace.applied if namespace is not None else None
    if applied is None:
        return ""
    if applied.asleep is not asleep:
        return "it is to sleep" if asleep else "it is to wake"
    if now - applied.at >= config.reapply_after:
        return f"it was last applied {applied.at:%Y-%m-%d %H:%M} UTC"
    return ""
