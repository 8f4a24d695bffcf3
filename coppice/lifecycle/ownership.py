"""Ownership: a filter over a finished plan that lets only changes of this branch's own resources through.

Every deletion passes through it. A change that is filtered out stays visible in the plan as `Suppressed`,
with the reason: otherwise a removal that was refused would look like one that was made.
"""

from dataclasses import replace
from fnmatch import fnmatchcase

from coppice.components.namespace import Namespace
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.components.removal import (
    Delete,
    DeleteNamespace,
    DeleteRecord,
    DeleteRequest,
    Owned,
    Remove,
)
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record, Request
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Blocked, Change, Item, Plan, Suppressed, Wave

# What people can do about a namespace that Coppice does not own.
_HAND_OVER = (
    "delete it, call the branch otherwise, or hand it over as docs/how-to/adopt-an-environment.md says"
)


def enforce_ownership(plan: Plan, observed: Observed, config: EnvironmentConfig) -> Plan:
    """Suppress the changes of a plan that concern resources of somebody else.

    Args:
        plan: a finished plan.
        observed: the observation that it was made from.
        config: the settings that decide about branches.

    Returns:
        The plan. Each `Remove` has become a `Delete` or is suppressed. If the environment's namespace or its
        record belongs to somebody else, only the deletion of the branch's request is left, followed by
        `Blocked`.
    """
    foreign = why_not_ours(observed, config)
    items: list[Item] = []
    suppressed: list[Suppressed] = list(plan.suppressed)
    for item in plan.items:
        if not isinstance(item, Wave):
            if not foreign:
                items.append(item)
            continue
        judged = [_judge(change, observed, config, foreign) for change in item.changes]
        refused = [each for each in judged if isinstance(each, Suppressed)]
        suppressed += refused
        kept = tuple(each for each in judged if isinstance(each, Change))
        if kept:
            items.append(Wave(kept))
        # Later waves do not run: their pods would start without something that they need.
        missing = [each.why for each in refused if not isinstance(each.change, Remove)]
        if missing and not foreign:
            items.append(Blocked("; ".join(missing), "not_ours"))
    # An empty plan with a note is left as it is: there is nothing to do. One without a note would claim that
    # the environment is as it should be, although its namespace belongs to somebody else.
    if foreign and (plan.items or not plan.note):
        items.append(Blocked(foreign, "not_ours"))
    return replace(plan, items=tuple(items), suppressed=tuple(suppressed))


def why_not_ours(observed: Observed, config: EnvironmentConfig) -> str:
    """Return why this branch may not change the environment's namespace.

    Args:
        observed: the observation of the branch.
        config: the settings that decide about branches.

    Returns:
        The reason; empty if the namespace is the branch's, or if there is none.
    """
    name, record, namespace = observed.name.namespace, observed.recorded.record, present(observed.namespace)
    if not name.startswith(config.prefixes.namespace):
        return f"namespace {name} does not begin with {config.prefixes.namespace}"
    protecting = next((glob for glob in config.protected if fnmatchcase(name, glob)), None)
    if protecting is not None:
        return f"namespace {name} is protected by {protecting!r} in PROTECTED_NAMESPACES"
    if record is not None and record.key != observed.key:
        return _belongs(name, record.key.branch, record.key.repository, observed)
    if namespace is None:
        return ""
    if not namespace.managed:
        return f"namespace {name} stands and does not bear our label, so it is not ours; {_HAND_OVER}"
    owner = namespace.owner
    if owner is None:
        return (
            f"namespace {name} bears our label and names no branch, so nobody knows whose it is; {_HAND_OVER}"
        )
    return "" if owner == observed.key else _belongs(name, owner.branch, owner.repository, observed)


def _belongs(name: str, branch: str, repository: str, observed: Observed) -> str:
    owner = f"branch {branch!r} of {repository}"
    return f"namespace {name} belongs to {owner}, so {observed.key.branch!r} cannot have it"


def _judge(
    change: Change, observed: Observed, config: EnvironmentConfig, foreign: str
) -> Change | Suppressed:
    if isinstance(change, Remove) and isinstance(change.subject, Request):
        # The owner of the namespace does not matter: a request is stored under its own branch.
        return DeleteRequest(owned=Owned(change.subject))
    if foreign:
        return Suppressed(change, foreign)
    if not isinstance(change, Remove):
        reasons = (each.why_not_to_write(change, observed, config) for each in COMPONENTS)
        why = next(filter(None, reasons), "")
        return Suppressed(change, why) if why else change
    subject = change.subject
    owner = next((each for each in COMPONENTS if isinstance(subject, each.subjects)), None)
    if owner is None:
        return _delete(subject)
    why = owner.why_not_ours(subject, observed, config)
    return Suppressed(change, why) if why else owner.deletion(Owned(subject), observed)


def _delete(subject: object) -> Delete:
    """Return the deletion of something that is not part of a component: the namespace, a record or a
    request.
    """
    match subject:
        case Namespace():
            return DeleteNamespace(owned=Owned(subject))
        case Record():
            return DeleteRecord(owned=Owned(subject))
        case Request():
            return DeleteRequest(owned=Owned(subject))
    raise TypeError(f"nothing knows how to remove {subject}")
