"""What is ours: a filter over a finished plan. Nothing that deletes runs without having passed here.

What it strikes out stays visible in the plan, with the reason: a removal that was refused in silence looks
like one that was done.
"""

from dataclasses import replace
from fnmatch import fnmatchcase

from coppice.components.application import Live
from coppice.components.database import Database, why_taken
from coppice.components.federated_identity import AUDIENCE, CreateCredential, Credential
from coppice.components.monitoring.shared import SharedPart
from coppice.components.namespace import Namespace
from coppice.components.removal import (
    Delete,
    DeleteCredential,
    DeleteNamespace,
    DeleteObject,
    DeleteRecord,
    DeleteRequest,
    DropDatabase,
    Owned,
    Remove,
    RemovePart,
    Subject,
)
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import ObjectRef, Record, Request
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Blocked, Change, Item, Plan, Suppressed, Wave

# What to do about a credential that is not ours.
_HAND_OVER = "delete it, call the branch otherwise, or hand it over as docs/adopting.md says"
BY_HAND = f"give it the audience {AUDIENCE}, or delete it"


def enforce_ownership(plan: Plan, observed: Observed, config: EnvironmentConfig) -> Plan:
    """Let through what is ours, and strike out what is not.

    Args:
        plan: a finished plan.
        observed: what it was made from.
        config: what decides about branches.

    Returns:
        The plan, in which every `Remove` has become a `Delete` or is struck out. If the environment's
        namespace or its record is someone else's, nothing is left of it but what concerns the person's
        request.
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
        # Pods that came after would start in vain.
        lacking = [each.why for each in refused if isinstance(each.change, CreateCredential)]
        if lacking and not foreign:
            items.append(Blocked("; ".join(lacking), "not_ours"))
    # An empty plan says that what is wanted stands; one with a note, that nothing is wanted.
    if foreign and (plan.items or not plan.note):
        items.append(Blocked(foreign, "not_ours"))
    return replace(plan, items=tuple(items), suppressed=tuple(suppressed))


def why_not_ours(observed: Observed, config: EnvironmentConfig) -> str:
    """Say why the environment's namespace is not ours to touch.

    Args:
        observed: what was observed.
        config: what decides about branches.

    Returns:
        The reason; empty if it is ours, or if none stands.
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
        # Whose namespace it is about does not matter: a request is found by its own branch.
        return DeleteRequest(owned=Owned(change.subject))
    if foreign:
        return Suppressed(change, foreign)
    if not isinstance(change, Remove):
        if isinstance(change, CreateCredential):
            why = _why_not_to_write(change.credential, observed, config)
            return Suppressed(change, why) if why else change
        return change
    why = _why_not_ours(change.subject, observed, config)
    return Suppressed(change, why) if why else _delete(change.subject, observed.name.namespace)


def _why_not_ours(subject: Subject, observed: Observed, config: EnvironmentConfig) -> str:
    match subject:
        case Live() as live if live.ref not in _inventory(observed):
            return "the record's inventory does not hold it"
        case SharedPart() as part if part.owner != observed.key:
            return f"it belongs to branch {part.owner.branch!r} of {part.owner.repository}"
        case Database() as database:
            return why_taken(database, observed.key)
        case Credential() as credential:
            return why_credential_not_ours(credential, observed, config)
        case _:
            return ""


def _delete(subject: Subject, namespace: str) -> Delete:
    match subject:
        case Namespace():
            return DeleteNamespace(owned=Owned(subject))
        case Record():
            return DeleteRecord(owned=Owned(subject))
        case Request():
            return DeleteRequest(owned=Owned(subject))
        case Live():
            return DeleteObject(namespace=namespace, owned=Owned(subject))
        case Database():
            return DropDatabase(owned=Owned(subject))
        case SharedPart():
            return RemovePart(owned=Owned(subject))
        case Credential():
            return DeleteCredential(owned=Owned(subject))


def _inventory(observed: Observed) -> frozenset[ObjectRef]:
    record = observed.recorded.record
    return frozenset((*record.inventory, *record.pruning)) if record else frozenset()


def _why_not_to_write(credential: Credential, observed: Observed, config: EnvironmentConfig) -> str:
    """Why a credential cannot be made what it is to be: one stands in its place that is somebody else's."""
    found = next((each for each in observed.there if each.ref == credential.ref), None)
    why = why_credential_not_ours(found, observed, config) if found else ""
    return f"{found} is for another audience than {AUDIENCE}, and {why}: {BY_HAND}" if why else ""


def why_credential_not_ours(credential: Credential, observed: Observed, config: EnvironmentConfig) -> str:
    """Say why a credential is not ours to change or to delete.

    Args:
        credential: one that stands.
        observed: what was observed.
        config: what decides about branches.

    Returns:
        The reason; empty if it is ours.
    """
    if credential.issuer != observed.issuer or credential.namespace != observed.name.namespace:
        return "it is about another cluster or namespace"
    record = observed.recorded.record
    if record is not None and credential.ref in record.credentials:
        return ""
    if credential.name.startswith(config.prefixes.credential):
        return ""
    prefix = config.prefixes.credential
    return f"its name does not begin with {prefix} and no record names it, so it is not known to be ours"
