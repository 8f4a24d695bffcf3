"""The decision about one branch: whether it has an environment, and whether its overlay has to be applied.

Every other part of the program carries out this decision. All functions here are pure functions of an
observation, the settings and the time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from coppice.components.namespace import labels
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.components.rollout import WORKLOADS
from coppice.environment.branch_filter import included
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Stall, rendering
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Failure
from coppice.reconciler.observation import Absent, Unknown, present
from coppice.reconciler.times import parse_time

_MIN_AGE_FOR_SLEEP = timedelta(hours=1)  # a younger environment is not put to sleep


@dataclass(frozen=True)
class Ensure:
    """The branch has an environment at this commit.

    Args:
        commit: the commit.
        due: why the overlay has to be applied; empty if it is applied.
        asleep: whether the environment sleeps: its overlay is applied with everything that runs scaled to 0.
        routine: whether only the clock makes the overlay due, so that nothing was missed or lost.
        part_only: whether the overlay is due only for a part beside the application.
    """

    commit: str
    due: str = ""
    asleep: bool = False
    routine: bool = False
    part_only: bool = False


@dataclass(frozen=True)
class Rejected:
    """The branch is to have an environment, but its overlay at this commit was refused earlier."""

    commit: str
    stall: Stall


@dataclass(frozen=True)
class TearDown:
    """The branch has no environment, and what exists of one is removed."""

    why: str


@dataclass(frozen=True)
class Skip:
    """Nothing is done. `unknown` is the failure, if the reason is that something could not be read."""

    why: str
    unknown: Failure | None = None


Verdict: TypeAlias = Ensure | Rejected | TearDown | Skip


def decide(observed: Observed, *, config: EnvironmentConfig, now: datetime) -> Verdict:
    """Decide about one branch.

    Args:
        observed: the observation of the branch.
        config: the settings that decide about branches.
        now: the current time.

    Returns:
        `Ensure`, `Rejected`, `TearDown` or `Skip`.
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
    """Return whether anything of the branch's own environment exists.

    The twin's environment has the same names, so the owners are compared and not the names.
    """
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
    """Return whether the environment is to sleep.

    It stays awake if it was created less than an hour ago. It also stays awake if, since the sleep period
    began, the branch was pushed to, the environment was applied awake, or somebody asked to apply it. If it
    is not known whether environments are to sleep, the environment stays as it was applied.
    """
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
    """Return what was missed or lost, so that the overlay has to be applied; empty if nothing was."""
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
        f"{', '.join(map(str, missing_workloads(observed)))} does not exist any more": bool(
            missing_workloads(observed)
        ),
        "it was asked for": observed.recorded.asked not in {"", applied.asked},
        **{why: True for each in COMPONENTS if (why := each.why_due(observed, config))},
        "labels of its namespace were changed": any(
            namespace.labels.get(label) != value
            for label, value in ours.items()
            if not label.startswith("pod-security")
        ),
    }
    return next((why for why, is_so in checks.items() if is_so), "")


def missing_workloads(observed: Observed) -> tuple[ObjectRef, ...]:
    """Return the workloads of the inventory that do not exist, if the rollout was read.

    Args:
        observed: the branch.
    """
    record, rollout = observed.recorded.record, present(observed.rollout)
    if record is None or rollout is None:
        return ()
    stand = {each.ref for each in rollout.workloads}
    return tuple(ref for ref in record.inventory if ref.kind in WORKLOADS and ref not in stand)


def _part_due(observed: Observed) -> str:
    """Return why a part beside the application is due. The application does not wait for such a part."""
    return next((why for each in COMPONENTS if (why := each.why_due_beside(observed))), "")


def _routine(observed: Observed, *, asleep: bool, config: EnvironmentConfig, now: datetime) -> str:
    """Return why only the clock makes the overlay due: to sleep, to wake, or to apply again; empty if it does
    not.
    """
    namespace = present(observed.namespace)
    applied = namespace.applied if namespace is not None else None
    if applied is None:
        return ""
    if applied.asleep is not asleep:
        return "it is to sleep" if asleep else "it is to wake"
    if now - applied.at >= config.reapply_after:
        return f"it was last applied {applied.at:%Y-%m-%d %H:%M} UTC"
    return ""
